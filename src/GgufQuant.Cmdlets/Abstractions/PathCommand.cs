using System.Collections.ObjectModel;
using System.Management.Automation;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>A cmdlet that takes files by <c>-Path</c> or <c>-LiteralPath</c>, one method call a file.</summary>
public abstract class PathCommand : StoppableCommand
{
    private protected const string PathSet = "Path";
    private protected const string LiteralPathSet = "LiteralPath";

    // Of each split model the shard that stands for it, by the first one's path.
    private readonly Dictionary<string, string> _shards = new(StringComparer.Ordinal);

    /// <summary>Files; wildcards allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true,
        ParameterSetName = PathSet, HelpMessage = "One or more GGUF files; wildcards are allowed.")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>Files; every character stands for itself.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true,
        ParameterSetName = LiteralPathSet, HelpMessage = "One or more GGUF files; every character stands for itself.")]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <inheritdoc/>
    protected sealed override void ProcessRecord()
    {
        foreach (string path in ParameterSetName == LiteralPathSet ? LiteralPath : Path)
        {
            foreach (string file in Resolve(path, ParameterSetName == LiteralPathSet))
            {
                if (!IsFurtherShard(file))
                    ProcessFile(file);
            }
        }
    }

    /// <summary>Does the cmdlet's work for one file.</summary>
    /// <param name="path">The full path of a file that exists.</param>
    protected abstract void ProcessFile(string path);

    /// <summary>Whether a path led to no file; an error has said so.</summary>
    private protected bool HasRefused { get; private set; }

    /// <summary>The full path of a file that need not exist.</summary>
    private protected string ResolveUnexpanded(string path) => GetUnresolvedProviderPathFromPSPath(path);

    /// <summary>Where a cmdlet writes that was given this as <c>-Destination</c>.</summary>
    /// <param name="given">The parameter's value; null to write beside each source.</param>
    /// <param name="extensions">The extensions of files.</param>
    private protected Destinations DestinationsAt(string? given, params string[] extensions) =>
        given is null ? new() : Destinations.At(given, ResolveUnexpanded(given), extensions);

    // A wildcard finds every shard of a split model: they are one.
    private bool IsFurtherShard(string path)
    {
        if (!SplitNames.IsShard(path))
            return false;
        try
        {
            string first = GgufFile.FirstShardOf(path);
            return !_shards.TryAdd(first, path) && _shards[first] != path;
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            // What is wrong with the file is for the work on it to say.
            return false;
        }
    }

    private List<string> Resolve(string path, bool isLiteral)
    {
        try
        {
            string literal = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
            if (provider.Name != "FileSystem")
                return Refuse(PathErrors.NotAFileSystemPath(path));
            // A file whose very name contains wildcard characters, as in objects of other cmdlets, is meant itself.
            if (isLiteral || File.Exists(literal) || !WildcardPattern.ContainsWildcardCharacters(path))
                return Existing(literal);
            Collection<string> matches = SessionState.Path.GetResolvedProviderPathFromPSPath(path, out _);
            return [.. matches.Where(File.Exists).Order(StringComparer.Ordinal)];
        }
        catch (ItemNotFoundException)
        {
            return [];
        }
        catch (Exception exception) when (exception is ProviderNotFoundException or System.Management.Automation.DriveNotFoundException)
        {
            return Refuse(PathErrors.NotFound(exception, path));
        }
    }

    private List<string> Existing(string path) => PathErrors.NoModel(path) is { } error ? Refuse(error) : [path];

    private List<string> Refuse(ErrorRecord error)
    {
        WriteError(error);
        HasRefused = true;
        return [];
    }
}

using System.Collections.ObjectModel;
using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>A cmdlet that takes files by <c>-Path</c> or <c>-LiteralPath</c>, one method call a file.</summary>
public abstract class PathCommand : StoppableCommand
{
    private protected const string PathSet = "Path";
    private protected const string LiteralPathSet = "LiteralPath";

    // Of each split model the shard that stands for it, by the first one's path.
    private readonly Dictionary<string, string> _shards = new(StringComparer.Ordinal);
    private readonly HashSet<string> _taken = new(PathIdentity.Comparer);

    /// <summary>Files; wildcards allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true,
        ParameterSetName = PathSet, HelpMessage = "One or more GGUF files; wildcards are allowed.")]
    [SupportsWildcards]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>Files; every character stands for itself.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true,
        ParameterSetName = LiteralPathSet, HelpMessage = "One or more GGUF files; every character stands for itself.")]
    [Alias("PSPath", "LP", "FullName")]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        // Objects from the pipeline would be refused one by one, in words that do not tell why.
        if (MyInvocation.ExpectingInput && Path is [string path] && !IsPath(path) && NextParameter is string next)
            ThrowTerminatingError(PathErrors.PathAndPipeline(path, next));
    }

    /// <inheritdoc/>
    protected sealed override void ProcessRecord()
    {
        bool isLiteral = ParameterSetName == LiteralPathSet;
        foreach (string path in isLiteral ? LiteralPath : Path)
        {
            foreach (string file in Resolve(path, isLiteral))
            {
                Take(file);
            }
        }
    }

    /// <summary>Does the cmdlet's work for one file.</summary>
    /// <param name="path">The full path of a file that exists.</param>
    protected abstract void ProcessFile(string path);

    /// <summary>What is to be done with the file at hand, where objects from the pipeline say so: a file named twice is taken once for each.</summary>
    private protected virtual string Variant => "";

    /// <summary>Whether the file at hand was found by a wildcard; else it was named.</summary>
    private protected bool IsMatch { get; private set; }

    /// <summary>Passes over a file of another kind than the cmdlet works on: with an error if it was named, in silence if a wildcard found it.</summary>
    private protected void PassOver(string path, ModelKind kind, ModelKind wanted)
    {
        if (IsMatch)
            WriteVerbose($"'{path}' is skipped: it is {kind.Describe()}, not {wanted.Describe()}.");
        else
            Refuse(ModelErrors.OtherKind(path, kind, wanted));
    }

    /// <summary>Whether a path led to no file for the cmdlet; an error has said so.</summary>
    private protected bool HasRefused { get; private set; }

    /// <summary>The full path of a file that need not exist.</summary>
    private protected string ResolveUnexpanded(string path)
    {
        if (PathErrors.Address(path) is ErrorRecord error)
            ThrowTerminatingError(error);
        return GetUnresolvedProviderPathFromPSPath(path);
    }

    /// <summary>Where a cmdlet writes that was given this as <c>-Destination</c>.</summary>
    /// <param name="given">The parameter's value; null to write beside each source.</param>
    /// <param name="extensions">The extensions of files.</param>
    private protected Destinations DestinationsAt(string? given, params string[] extensions) =>
        given is null ? new() : Destinations.At(given, ResolveUnexpanded(given), extensions);

    private void Take(string file)
    {
        try
        {
            if (IsFurtherShard(file))
                return;
            if (_taken.Add($"{file}\n{Variant}"))
                ProcessFile(file);
            else
                WriteVerbose($"'{file}' has been taken already.");
        }
        catch (OperationCanceledException) when (StopToken.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
    }

    // A wildcard finds every shard of a split model: they are one.
    private bool IsFurtherShard(string path)
    {
        if (!SplitNames.IsShard(path))
            return false;
        try
        {
            string first = GgufFile.FirstShardOf(path, StopToken);
            return !_shards.TryAdd(first, path) && _shards[first] != path;
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            // What is wrong with the file is for the work on it to say.
            return false;
        }
    }

    private bool IsPath(string path) => WildcardPattern.ContainsWildcardCharacters(path) || System.IO.Path.Exists(ResolveUnexpanded(path));

    // The parameter that a second argument without a name is for, unless it was given.
    private string? NextParameter => MyInvocation.MyCommand.Parameters.Values
        .Where(parameter => parameter.ParameterSets.Values.Any(set => set.Position == 1))
        .Select(parameter => parameter.Name)
        .FirstOrDefault(name => !MyInvocation.BoundParameters.ContainsKey(name));

    private List<string> Resolve(string path, bool isLiteral)
    {
        IsMatch = false;
        if (PathErrors.Address(path) is ErrorRecord error)
            return Refuse(error);
        try
        {
            string literal = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
            if (provider.Name != "FileSystem")
                return Refuse(PathErrors.NotAFileSystemPath(path));
            // A file whose very name contains wildcard characters, as in objects of other cmdlets, is meant itself.
            if (isLiteral || File.Exists(literal) || !WildcardPattern.ContainsWildcardCharacters(path))
                return Existing(literal);
            IsMatch = true;
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

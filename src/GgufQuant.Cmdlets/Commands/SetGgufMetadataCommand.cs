using System.Collections;
using System.Management.Automation;
using GgufQuant.Checks;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Changes the metadata of model files.</summary>
[Cmdlet(VerbsCommon.Set, "GgufMetadata", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(MetadataChange))]
public sealed class SetGgufMetadataCommand : PathCommand
{
    /// <summary>Keys and values to add or replace.</summary>
    [Parameter(Position = 1, HelpMessage = "A table of metadata keys and values to add or replace.")]
    [ValidateNotNull]
    public IDictionary? Metadata { get; set; }

    /// <summary>Keys to remove.</summary>
    [Parameter(HelpMessage = "Metadata keys to remove; wildcards are allowed.")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(MetadataKeyCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Remove { get; set; } = [];

    /// <summary>Returns how each file was changed.</summary>
    [Parameter(HelpMessage = "Return one object per file that says how it was changed.")]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (Metadata is null && Remove.Length == 0)
        {
            ThrowTerminatingError(new(
                new ArgumentException("There is nothing to change. Give -Metadata a table such as @{ 'general.name' = 'My model' }, or -Remove some keys."),
                "NothingToChange", ErrorCategory.InvalidArgument, null));
        }
        if (Metadata?.Keys.Cast<object>().Select(key => $"{key}").FirstOrDefault(Remove.Contains) is { } both)
        {
            ThrowTerminatingError(new(
                new ArgumentException($"'{both}' is both set and removed. Leave it out of -Metadata or of -Remove."),
                "SetAndRemoved", ErrorCategory.InvalidArgument, both));
        }
    }

    /// <inheritdoc/>
    protected override void ProcessFile(string path)
    {
        try
        {
            (IReadOnlyList<GgufEntry> entries, IReadOnlyList<string> removed, string? warning) = Plan(path);
            if (entries.Count == 0 && removed.Count == 0)
            {
                WriteVerbose($"'{path}' is left as it is: it has no key that matches {string.Join(" or ", Remove.Select(pattern => $"'{pattern}'"))}.");
                return;
            }
            if (warning is not null)
                WriteWarning(warning);
            string keys = string.Join(", ", entries.Select(entry => entry.Key).Concat(removed));
            if (!ShouldProcess(path, $"Change {keys}"))
                return;
            GgufEdit edit = RunInBackground(
                $"Changing {Formatting.FileName(path)}",
                (progress, token) => GgufMetadataEditor.Apply(path, entries, removed, progress, token));
            if (PassThru)
                WriteObject(new MetadataChange(path, edit));
        }
        catch (ArgumentException exception)
        {
            WriteError(new(exception, "InvalidMetadata", ErrorCategory.InvalidArgument, path));
        }
    }

    private (IReadOnlyList<GgufEntry> Entries, IReadOnlyList<string> Removed, string? Warning) Plan(string path)
    {
        using GgufFile file = GgufFile.Open(path, StopToken);
        IReadOnlyList<GgufEntry> entries = MetadataArguments.ToEntries(Metadata, file.Metadata);
        string[] removed = [.. Remove.SelectMany(key => Matching(key, file.Metadata)).Distinct(StringComparer.Ordinal)];
        if (entries.Select(entry => entry.Key).FirstOrDefault(removed.Contains) is { } both)
            throw new ArgumentException($"'{both}' is both set and removed. Leave it out of -Metadata or of -Remove.");
        if (removed.Contains(GgufKeys.Architecture, StringComparer.Ordinal))
            return (entries, removed, $"Without '{GgufKeys.Architecture}' no program can identify the model in '{path}'.");
        IReadOnlyList<GgufFinding> broken = GgufCheck.FindBroken(file, entries, removed);
        string further = broken.Count > 1 ? $" Test-Gguf -Detailed will list {broken.Count - 1} more." : "";
        return (entries, removed, broken.Count == 0 ? null : $"llama.cpp will not load '{path}' after this change. {broken[0].Subject}: {broken[0].Message}{further}");
    }

    private static IEnumerable<string> Matching(string key, GgufMetadata metadata)
    {
        if (!WildcardPattern.ContainsWildcardCharacters(key) || metadata.Contains(key))
            return [key];
        WildcardPattern pattern = new(key);
        return metadata.Select(entry => entry.Key).Where(pattern.IsMatch);
    }
}

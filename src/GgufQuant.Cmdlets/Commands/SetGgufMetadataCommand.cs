using System.Collections;
using System.Management.Automation;
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
    [Parameter(HelpMessage = "Metadata keys to remove.")]
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
        if (Remove.Contains(GgufKeys.Architecture, StringComparer.Ordinal))
            WriteWarning($"Without '{GgufKeys.Architecture}' no program can tell which model the file contains.");
    }

    /// <inheritdoc/>
    protected override void ProcessFile(string path)
    {
        try
        {
            IReadOnlyList<GgufEntry> entries = ReadEntries(path);
            string keys = string.Join(", ", entries.Select(entry => entry.Key).Concat(Remove));
            if (!ShouldProcess(path, $"Change {keys}"))
                return;
            GgufEdit edit = RunInBackground(
                $"Changing {Formatting.FileName(path)}",
                (progress, token) => GgufMetadataEditor.Apply(path, entries, Remove, progress, token));
            if (PassThru)
                WriteObject(new MetadataChange(path, edit));
        }
        catch (ArgumentException exception)
        {
            WriteError(new(exception, "InvalidMetadata", ErrorCategory.InvalidArgument, path));
        }
    }

    private IReadOnlyList<GgufEntry> ReadEntries(string path)
    {
        using GgufFile file = GgufFile.Open(path, StopToken);
        return MetadataArguments.ToEntries(Metadata, file.Metadata);
    }
}

using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Lists the metadata of models, one object per key.</summary>
[Cmdlet(VerbsCommon.Get, "GgufMetadata", DefaultParameterSetName = PathSet)]
[OutputType(typeof(MetadataEntry))]
public sealed class GetGgufMetadataCommand : PathCommand
{
    /// <summary>Keys to return, wildcards allowed.</summary>
    [Parameter(Position = 1, HelpMessage = "Keys to return; wildcards are allowed.")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(MetadataKeyCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Key { get; set; } = ["*"];

    /// <inheritdoc/>
    private protected override bool Takes(ModelKind kind) => true;

    /// <inheritdoc/>
    private protected override bool ShowsFaultyFiles => true;

    /// <inheritdoc/>
    private protected override bool TakesFolders => true;

    /// <inheritdoc/>
    private protected override bool TakesAddresses => true;

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        WildcardPattern[] patterns = [.. Key.Select(key => new WildcardPattern(key, WildcardOptions.IgnoreCase))];
        foreach (GgufEntry entry in model.Metadata.Where(entry => patterns.Any(pattern => pattern.IsMatch(entry.Key))))
            WriteObject(new MetadataEntry(model, entry));
        foreach (string key in Key.Where(key => !WildcardPattern.ContainsWildcardCharacters(key)))
        {
            if (!model.Metadata.Any(entry => entry.Key.Equals(key, StringComparison.OrdinalIgnoreCase)))
            {
                WriteError(new(
                    new ArgumentException($"'{model.Path}' has no metadata key '{key}'."), "KeyNotFound", ErrorCategory.ObjectNotFound, key));
            }
        }
    }
}

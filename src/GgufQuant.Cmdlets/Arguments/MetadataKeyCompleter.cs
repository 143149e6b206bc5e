using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Completes the keys of a model's metadata.</summary>
public sealed class MetadataKeyCompleter : ModelCompleter
{
    /// <inheritdoc/>
    protected override IEnumerable<(string Name, string ToolTip)> Names(GgufFile model) =>
        model.Metadata.Select(entry => (entry.Key, entry.ToString()));
}

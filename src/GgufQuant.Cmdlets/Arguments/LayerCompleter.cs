using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Completes the numbers of a model's layers.</summary>
public sealed class LayerCompleter : ModelCompleter
{
    /// <inheritdoc/>
    protected override IEnumerable<(string Name, string ToolTip)> Names(GgufFile model)
    {
        int layers = ModelInfo.Read(model).Layers;
        return Enumerable.Range(0, layers).Select(layer => ($"{layer}", $"Layer {layer} of {layers}, counted from 0"));
    }
}

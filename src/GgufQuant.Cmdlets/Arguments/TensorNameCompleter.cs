using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Completes the names of a model's tensors.</summary>
public sealed class TensorNameCompleter : ModelCompleter
{
    /// <inheritdoc/>
    protected override IEnumerable<(string Name, string ToolTip)> Names(GgufFile model) =>
        model.Tensors.Select(tensor => (tensor.Name, tensor.ToString()));
}

using System.Text.RegularExpressions;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Completes what the names of a model's tensors have in common over all layers: <c>attn_v</c>, <c>ffn_down</c>.</summary>
public sealed partial class TensorPartCompleter : ModelCompleter
{
    /// <summary>The parts, each with the tensors it stands for.</summary>
    internal static IEnumerable<(string Name, string ToolTip)> PartsOf(GgufFile model) =>
        from tensor in model.Tensors
        group tensor by Affixes().Replace(tensor.Name, "") into same
        orderby same.Key
        select (same.Key, same.Count() == 1 ? $"{same.First()}" : $"{same.Count()} tensors, such as {same.First()}");

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, string ToolTip)> Names(GgufFile model) => PartsOf(model);

    [GeneratedRegex(@"^(\w+\.)?blk\.\d+\.|\.(weight|bias)$")]
    private static partial Regex Affixes();
}

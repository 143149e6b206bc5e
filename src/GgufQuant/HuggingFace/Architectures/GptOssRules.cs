using GgufQuant.HuggingFace.Tensors;
using static GgufQuant.HuggingFace.Architectures.TensorRules;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>Recipes for gpt-oss, whose gate and up matrices are interleaved by row, with experts in MXFP4 or BF16.</summary>
/// <remarks>convert_hf_to_gguf's <c>GptOssModel</c>.</remarks>
internal static class GptOssRules
{
    /// <summary>Recipes for the tensors that are not MXFP4.</summary>
    public static TensorRule[] All { get; } =
    [
        Drop((_, name) => IsMatch(name, "*mlp.experts.*_blocks", "*mlp.experts.*_scales")),
        Values(["*mlp.experts.down_proj", "*mlp.experts.gate_up_proj"], (_, values) => values.Transpose()),
        Rename("*.down_proj_bias", "down_proj_bias", "down_proj.bias"),
        Rename("*.experts.down_proj", "down_proj", "down_proj.weight"),
        Split("*.gate_up_proj_bias", "gate_up_proj_bias", ".bias", (values, first) => values.Columns([.. Enumerable.Range(0, checked((int)values.Shape[^1] / 2)).Select(i => (2 * i) + first)])),
        Split("*.experts.gate_up_proj", "gate_up_proj", ".weight", (values, first) => values.RowsOfEachMatrix(first, 2, values.Shape[^2] / 2)),
    ];

    /// <summary>The experts in MXFP4, whose blocks are kept.</summary>
    public static IEnumerable<SourceTensor> RepackedExperts(ConversionContext context, IReadOnlyList<SourceTensor> tensors)
    {
        Dictionary<string, SourceTensor> byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        foreach (SourceTensor tensor in tensors)
        {
            if (!IsMatch(tensor.Name, "*mlp.experts.*_scales") || tensor.Stored is not { } scales)
                continue;
            string blocksName = $"{tensor.Name[..^"_scales".Length]}_blocks";
            if (!byName.TryGetValue(blocksName, out SourceTensor? blocks) || blocks.Stored is not { } stored)
                throw new ModelFolderException(context.Folder.Path, $"the tensor '{blocksName}' is missing");
            MxFp4Values values = MxFp4Values.Of(stored, scales);
            if (tensor.Name.EndsWith("down_proj_scales", StringComparison.Ordinal))
            {
                yield return new SourceTensor($"blk.{tensor.Block}.ffn_down_exps.weight", values);
                continue;
            }
            long rows = values.Shape[^2] / 2;
            yield return new SourceTensor($"blk.{tensor.Block}.ffn_gate_exps.weight", values.RowsOfEachMatrix(0, 2, rows));
            yield return new SourceTensor($"blk.{tensor.Block}.ffn_up_exps.weight", values.RowsOfEachMatrix(1, 2, rows));
        }
    }

    private static TensorRule Split(string pattern, string part, string suffix, Func<TensorValues, int, TensorValues> take) => (_, tensor) =>
        IsMatch(tensor.Name, pattern)
            ?
            [
                tensor with { Name = tensor.Name.Replace(part, $"gate_proj{suffix}", StringComparison.Ordinal), Values = take(tensor.Values, 0) },
                tensor with { Name = tensor.Name.Replace(part, $"up_proj{suffix}", StringComparison.Ordinal), Values = take(tensor.Values, 1) },
            ]
            : [tensor];
}

using GgufQuant.Formats;
using GgufQuant.HuggingFace.Architectures;

namespace GgufQuant.HuggingFace;

/// <summary>Chooses each tensor's type.</summary>
/// <remarks>convert_hf_to_gguf's <c>ModelBase.prepare_tensors</c>.</remarks>
internal static class TensorTypes
{
    private static readonly string[] s_single =
        ["blk.*.ffn_gate_inp.weight", "blk.*.ffn_gate_inp_shexp.weight", "position_embd.weight", "token_types.weight", "blk.*.ssm_conv1d.weight", "blk.*.shortconv.conv.weight"];

    private static readonly string[] s_halfIfTernary = ["token_embd.weight", "per_layer_token_embd.weight", "output.weight"];

    /// <summary>The type of a tensor.</summary>
    /// <param name="tensor">The tensor under its GGUF name.</param>
    /// <param name="type">The file's type.</param>
    /// <param name="fp8AsQ8">Whether weights that were FP8 become Q8_0.</param>
    internal static GgmlType Choose(SourceTensor tensor, FileType type, bool fp8AsQ8)
    {
        if (tensor.Values.Format.IsQuantized)
            return tensor.Values.Type;
        GgmlType chosen = ChooseByName(tensor, type, fp8AsQ8);
        return tensor.Values.RowLength % BlockFormat.Of(chosen).BlockSize == 0 ? chosen : GgmlType.F16;
    }

    private static GgmlType ChooseByName(SourceTensor tensor, FileType type, bool fp8AsQ8)
    {
        string name = tensor.Name;
        if (tensor.Values.Shape.Length <= 1 || name.EndsWith("_norm.weight", StringComparison.Ordinal))
            return GgmlType.F32;
        if (fp8AsQ8 && tensor.IsFromFloat8)
            return GgmlType.Q8_0;
        if (!name.EndsWith(".weight", StringComparison.Ordinal) || TensorRules.IsMatch(name, s_single))
            return GgmlType.F32;
        return type switch
        {
            FileType.F32 => GgmlType.F32,
            FileType.F16 => GgmlType.F16,
            FileType.BF16 => GgmlType.BF16,
            FileType.Q8_0 => GgmlType.Q8_0,
            _ when TensorRules.IsMatch(name, s_halfIfTernary) => GgmlType.F16,
            FileType.TQ1_0 => GgmlType.TQ1_0,
            _ => GgmlType.TQ2_0,
        };
    }
}

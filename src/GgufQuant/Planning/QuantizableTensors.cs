using GgufQuant.Models;

namespace GgufQuant.Planning;

/// <summary>The tensors that llama.cpp's quantizer leaves unquantized.</summary>
/// <remarks>llama.cpp's <c>tensor_allows_quantization</c>.</remarks>
internal static class QuantizableTensors
{
    private static readonly (string Part, string Reason)[] s_kept =
    [
        ("_norm.weight", "norms are kept"),
        ("ffn_gate_inp.weight", "expert routing is kept"),
        ("ffn_gate_tid2eid.weight", "expert routing is kept"),
        ("altup", "too small to quantize"),
        ("laurel", "too small to quantize"),
        ("per_layer_model_proj", "too small to quantize"),
        ("ssm_conv1d", "convolutions are kept"),
        ("shortconv.conv.weight", "convolutions are kept"),
        ("indexer.k_proj.weight", "attention indexers are kept"),
        ("indexer.q_proj.weight", "attention indexers are kept"),
        ("time_mix_first.weight", "time mixing is kept"),
        ("time_mix_w0.weight", "time mixing is kept"),
        ("time_mix_w1.weight", "time mixing is kept"),
        ("time_mix_w2.weight", "time mixing is kept"),
        ("time_mix_v0.weight", "time mixing is kept"),
        ("time_mix_v1.weight", "time mixing is kept"),
        ("time_mix_v2.weight", "time mixing is kept"),
        ("time_mix_a0.weight", "time mixing is kept"),
        ("time_mix_a1.weight", "time mixing is kept"),
        ("time_mix_a2.weight", "time mixing is kept"),
        ("time_mix_g1.weight", "time mixing is kept"),
        ("time_mix_g2.weight", "time mixing is kept"),
        ("time_mix_decay_w1.weight", "time mixing is kept"),
        ("time_mix_decay_w2.weight", "time mixing is kept"),
        ("time_mix_lerp_fused.weight", "time mixing is kept"),
        ("attn_rel_b.weight", "position biases are kept"),
        (".position_embd", "positions are kept"),
        ("sam.pos_embd", "vision towers are kept"),
        ("sam.neck.", "vision towers are kept"),
        ("sam.net_", "vision towers are kept"),
        (".rel_pos", "positions are kept"),
        (".patch_embd", "vision towers are kept"),
        (".patch_merger", "vision towers are kept"),
        ("a.rvq.codebook", "audio codebooks are kept"),
        ("mm.a.code_embd", "audio codebooks are kept"),
    ];

    /// <summary>Why a tensor keeps its type; null if it may be quantized.</summary>
    internal static string? ReasonToKeep(string name, ReadOnlySpan<long> shape, bool leaveOutput)
    {
        // ggml ignores trailing dimensions of 1.
        if (shape.Length < 2 || shape[1..].IndexOfAnyExcept(1) < 0)
            return "one-dimensional tensors are kept";
        if (!EndsAsWeight(name))
            return "not a weight";
        if (leaveOutput && name == TensorNames.Output)
            return "output left unchanged";
        if (name is "position_embd.weight" or "token_types.weight")
            return "positions are kept";
        foreach ((string part, string reason) in s_kept)
        {
            if (name.Contains(part, StringComparison.Ordinal))
                return reason;
        }
        return null;
    }

    // llama.cpp compares two positions that both wrap around for a five-byte name, and so quantizes it.
    private static bool EndsAsWeight(string name) =>
        name.EndsWith("weight", StringComparison.Ordinal) || System.Text.Encoding.UTF8.GetByteCount(name) == 5;
}

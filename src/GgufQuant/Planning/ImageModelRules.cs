using System.Collections.Frozen;
using static GgufQuant.Formats.GgmlType;
using BlockFormat = GgufQuant.Formats.BlockFormat;
using FileType = GgufQuant.Formats.FileType;
using GgmlType = GgufQuant.Formats.GgmlType;

namespace GgufQuant.Planning;

/// <summary>Types for the tensors of image and video models, which llama.cpp does not load.</summary>
/// <remarks>
/// The rules of ComfyUI-GGUF, whose patch for llama-quantize makes most such files: <c>img_tensor_get_type</c>, and what it
/// leaves unquantized before that (tools/lcpp.patch). Tensors must come in the order they are written in.
/// </remarks>
internal sealed class ImageModelRules
{
    private static readonly string[] s_flux = ["txt_in.", "img_in.", "time_in.", "vector_in.", "guidance_in.", "final_layer."];
    private static readonly string[] s_stableDiffusion =
        ["class_embedding.", "time_embedding.", "add_embedding.", "time_embed.", "label_emb.", "conv_in.", "conv_out.", "=input_blocks.0.0.weight", "=out.2.weight"];

    // Parts of names, or after '=' a whole name.
    private static readonly FrozenDictionary<string, string[]> s_kept = new Dictionary<string, string[]>
    {
        ["flux"] = s_flux,
        ["hyvid"] = s_flux,
        ["sd1"] = s_stableDiffusion,
        ["sdxl"] = s_stableDiffusion,
        ["sd3"] = ["final_layer.", "time_text_embed.", "context_embedder.", "t_embedder.", "y_embedder.", "x_embedder.", "=proj_out.weight", "=pos_embed"],
        ["aura"] = ["t_embedder.", "init_x_linear.", "=modF.1.weight", "=cond_seq_linear.weight", "=final_linear.weight", "=positional_encoding", "=register_tokens"],
        ["ltxv"] = ["adaln_single.", "caption_projection.", "patchify_proj.", "proj_out.", "scale_shift_table"],
        ["wan"] = ["modulation.", "patch_embedding.", "text_embedding.", "time_projection.", "time_embedding.", "img_emb.", "head."],
        ["hidream"] = ["p_embedder.", "t_embedder.", "x_embedder.", "final_layer.", ".ff_i.gate.weight", "caption_projection."],
        ["cosmos"] = ["p_embedder.", "t_embedder.", "t_embedding_norm.", "x_embedder.", "pos_embedder.", "final_layer."],
        ["lumina2"] = ["t_embedder.", "x_embedder.", "final_layer.", "cap_embedder.", "context_refiner.", "noise_refiner."],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly string[] s_values = ["attn_v.weight", ".to_v.weight", ".v.weight", ".attn.w1v.weight", ".attn.w2v.weight", "_attn.v_proj.weight"];
    private static readonly string[] s_fused = ["attn_qkv.weight", "attn.qkv.weight", "attention.qkv.weight"];
    private static readonly string[] s_downs = ["ffn_down", ".ffn.2.weight", ".ff.net.2.weight", ".mlp.layer2.weight", ".adaln_modulation_mlp.2.weight", ".feed_forward.w2.weight"];

    private readonly string[] _kept;
    private int _seenValues;

    private ImageModelRules(string[] kept) => _kept = kept;

    /// <summary>The rules for an architecture; null if it is not one of an image or video model.</summary>
    public static ImageModelRules? Of(string architecture) => s_kept.TryGetValue(architecture, out string[]? kept) ? new(kept) : null;

    /// <summary>Why a tensor keeps its type; null if it may be quantized.</summary>
    public string? ReasonToKeep(string name, ReadOnlySpan<long> shape)
    {
        if (shape.Length > 2 && shape[2..].IndexOfAnyExcept(1) >= 0)
            return "convolutions are kept";
        return Array.Exists(_kept, part => part[0] == '=' ? name == part[1..] : name.Contains(part, StringComparison.Ordinal)) ? "inputs, outputs and embeddings of an image model are kept" : null;
    }

    /// <summary>The type of the next tensor that is quantized.</summary>
    /// <param name="fileType">The file type.</param>
    /// <param name="standard">The file type's default type.</param>
    /// <param name="name">The tensor's name.</param>
    /// <param name="rowLength">Weights per row.</param>
    public TypeChoice Next(FileType fileType, GgmlType standard, string name, long rowLength)
    {
        (GgmlType? type, string role) = ByRole(fileType, name);
        TypeChoice choice = type is { } special ? new(special, $"{role} of an image model") : new(standard, $"the type of {fileType}");
        return rowLength % BlockFormat.Of(choice.Type).BlockSize == 0
            ? choice
            : new(F16, $"rows of {rowLength} are not whole {BlockFormat.Of(choice.Type)} blocks ({choice.Rule})");
    }

    private (GgmlType? Type, string Role) ByRole(FileType fileType, string name)
    {
        if (IsOneOf(s_values, name))
            return (Value(fileType, _seenValues++), "attention values");
        if (IsOneOf(s_fused, name))
            return (Fused(fileType), "attention");
        bool isDown = IsOneOf(s_downs, name) || (name.Contains("experts.", StringComparison.Ordinal) && name.Contains(".w2.weight", StringComparison.Ordinal));
        return (isDown ? Down(fileType) : null, "feed-forward output");
    }

    private static bool IsOneOf(string[] parts, string name) => Array.Exists(parts, part => name.Contains(part, StringComparison.Ordinal));

    private static GgmlType? Value(FileType fileType, int seen) => fileType switch
    {
        FileType.Q2_K => Q3_K,
        FileType.Q3_K_M => seen < 2 ? Q5_K : Q4_K,
        FileType.Q3_K_L => Q5_K,
        FileType.Q4_K_M or FileType.Q5_K_M => Q6_K,
        FileType.Q4_K_S when seen < 4 => Q5_K,
        _ => null,
    };

    private static GgmlType? Fused(FileType fileType) => fileType switch
    {
        FileType.Q3_K_M or FileType.Q3_K_L => Q4_K,
        FileType.Q4_K_M => Q5_K,
        FileType.Q5_K_M => Q6_K,
        _ => null,
    };

    private static GgmlType? Down(FileType fileType) => fileType switch
    {
        FileType.Q3_K_M => Q4_K,
        FileType.Q3_K_L or FileType.Q4_K_S => Q5_K,
        FileType.Q4_K_M or FileType.Q5_K_M => Q6_K,
        FileType.Q4_0 => Q4_1,
        FileType.Q5_0 => Q5_1,
        _ => null,
    };
}

using System.Globalization;
using System.Text.RegularExpressions;

namespace GgufQuant.Models;

/// <summary>Derives a tensor's role and layer from its name.</summary>
public static partial class TensorNames
{
    internal const string LayerPrefix = "blk.";
    internal const string Output = "output.weight";
    internal const string TokenEmbedding = "token_embd.weight";
    internal const string PerLayerTokenEmbedding = "per_layer_token_embd.weight";

    // In order: the first part found in the name decides.
    private static readonly (string Part, TensorRole Role)[] s_roles =
    [
        ("attn_qkv.weight", TensorRole.AttentionQkv),
        ("attn_kv_b.weight", TensorRole.AttentionKvB),
        ("attn_v.weight", TensorRole.AttentionV),
        ("attn_k.weight", TensorRole.AttentionK),
        ("attn_q.weight", TensorRole.AttentionQ),
        ("attn_output.weight", TensorRole.AttentionOutput),
        ("ffn_up", TensorRole.FfnUp),
        ("ffn_gate", TensorRole.FfnGate),
        ("ffn_down", TensorRole.FfnDown),
    ];

    /// <remarks>llama.cpp's <c>tensor_get_category</c>.</remarks>
    internal static TensorRole RoleOf(string name)
    {
        if (name == Output)
            return TensorRole.Output;
        if (name is TokenEmbedding or PerLayerTokenEmbedding)
            return TensorRole.TokenEmbedding;
        foreach ((string part, TensorRole role) in s_roles)
        {
            if (name.Contains(part, StringComparison.Ordinal))
                return role;
        }
        return TensorRole.Other;
    }

    /// <summary>Whether the role is a value projection, alone or fused: the most sensitive part of attention.</summary>
    /// <remarks>llama.cpp's <c>category_is_attn_v</c>.</remarks>
    internal static bool IsValueLike(TensorRole role) =>
        role is TensorRole.AttentionV or TensorRole.AttentionQkv or TensorRole.AttentionKvB;

    /// <summary>The number in <c>blk.N</c> at the start of the name; null if there is none.</summary>
    /// <remarks>Reads what <c>sscanf(name, "blk.%d.")</c> reads: leading blanks and a sign are accepted, and the second dot is optional.</remarks>
    internal static int? LayerOf(string name)
    {
        if (!name.StartsWith(LayerPrefix, StringComparison.Ordinal))
            return null;
        ReadOnlySpan<char> rest = name.AsSpan(LayerPrefix.Length).TrimStart(" \t\n\v\f\r");
        int sign = rest.StartsWith("-") || rest.StartsWith("+") ? 1 : 0;
        int end = sign;
        while (end < rest.Length && char.IsAsciiDigit(rest[end]))
            end++;
        if (end == sign)
            return null;
        return int.TryParse(rest[..end], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int layer)
            ? layer
            : null;
    }

    /// <summary>The number in the first <c>blk.N.</c> anywhere in the name, and its digits; null if there is none.</summary>
    /// <remarks>As in llama.cpp's <c>remap_layer</c>, which also finds <c>v.blk.0.</c>.</remarks>
    internal static (int Layer, Range Digits)? FindLayer(string name)
    {
        Group digits = Layer().Match(name).Groups[1];
        return int.TryParse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int layer)
            ? (layer, digits.Index..(digits.Index + digits.Length))
            : null;
    }

    /// <summary>Whether a tensor is one of the experts that llama.cpp's <c>--cpu-moe</c> keeps on the host.</summary>
    /// <remarks><c>LLM_FFN_EXPS_REGEX</c>.</remarks>
    internal static bool IsExpert(string name) => Expert().IsMatch(name);

    /// <summary>The layer that a tensor is loaded with, in a model or a vocoder; null if there is none.</summary>
    internal static int? FindRunLayer(string name) =>
        int.TryParse(RunLayer().Match(name).Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int layer) ? layer : null;

    /// <summary>The layer and the part of a name <c>blk.N.part</c>; null for any other name, or a number beyond 64 bits.</summary>
    public static (ulong Layer, string Part)? SplitLayer(string name)
    {
        if (!name.StartsWith(LayerPrefix, StringComparison.Ordinal))
            return null;
        int end = name.IndexOf('.', LayerPrefix.Length);
        return end >= 0 && ulong.TryParse(name.AsSpan(LayerPrefix.Length..end), NumberStyles.None, CultureInfo.InvariantCulture, out ulong layer)
            ? (layer, name[(end + 1)..])
            : null;
    }

    [GeneratedRegex(@"^(?:blk|enc\.blk|dec\.blk|posnet|convnext)\.([0-9]+)\.")]
    private static partial Regex RunLayer();

    [GeneratedRegex(@"\.ffn_(up|down|gate|gate_up)_(ch|)exps")]
    private static partial Regex Expert();

    [GeneratedRegex(@"blk\.([0-9]+)\.")]
    private static partial Regex Layer();
}

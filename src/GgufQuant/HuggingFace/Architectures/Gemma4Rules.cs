using System.Globalization;
using System.Text.Json;
using GgufQuant.HuggingFace.Tensors;
using static GgufQuant.HuggingFace.Architectures.KeyRules;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>Recipes for Gemma 4.</summary>
/// <remarks>convert_hf_to_gguf's <c>Gemma4Model</c>.</remarks>
internal static class Gemma4Rules
{
    // A factor so large that it turns RoPE off for a pair of dimensions.
    private const float NoRotation = 1e30f;

    /// <summary>The keys after those of Gemma 3.</summary>
    public static KeyRule[] Keys { get; } =
    [
        UInt32("attention.shared_kv_layers", "num_kv_shared_layers"),
        UInt32Or("embedding_length_per_layer_input", 0, "hidden_size_per_layer_input"),
        Booleans("attention.sliding_window_pattern", context => context.LayersOfType("sliding_attention")),
        UInt32("attention.key_length", FullHeadLength),
        UInt32("attention.value_length", FullHeadLength),
        UInt32("attention.key_length_swa", "head_dim"),
        UInt32("attention.value_length_swa", "head_dim"),
        OptionalUInt32("expert_feed_forward_length", "expert_intermediate_size", "moe_intermediate_size"),
        AddFeedForwardLengths,
        AddKeyValueHeads,
        UInt32("rope.dimension_count", FullHeadLength),
        UInt32("rope.dimension_count_swa", context => (long)(context.Integer("head_dim") * context.Rope.Number("partial_rotary_factor", 1))),
    ];

    /// <summary>The scales of a router and of its experts.</summary>
    public static TensorRule RenameScales { get; } = (_, tensor) =>
    [
        tensor.Name.EndsWith("router.scale", StringComparison.Ordinal) ? tensor with { Name = $"blk.{tensor.Block}.ffn_gate_inp.scale", HasGgufName = true }
        : tensor.Name.Contains(".per_expert_scale", StringComparison.Ordinal) ? tensor with { Name = $"blk.{tensor.Block}.ffn_down_exps.scale", HasGgufName = true }
        : tensor,
    ];

    /// <summary>Factors that rotate only the first part of each head of full attention.</summary>
    public static IEnumerable<SourceTensor> RopeFrequencies(ConversionContext context, IReadOnlyList<SourceTensor> tensors)
    {
        if (context.Rope.Type != "proportional")
            throw context.Invalid("in Gemma 4, 'rope_parameters' of full attention must have the type 'proportional'");
        int length = context.FactorLength(FullHeadLength(context));
        long rotated = (long)(length * context.Rope.NumberOfFull("partial_rotary_factor", 1) / 2);
        return [new SourceTensor("rope_freqs.weight", new GivenValues([.. Enumerable.Range(0, length / 2).Select(i => i < rotated ? 1 : NoRotation)]))];
    }

    /// <summary>The tokens that must never be generated, if the folder lists any.</summary>
    public static void SuppressedTokens(KeyWriter keys)
    {
        if (keys.Context.Folder.ReadJson("generation_config.json") is { ValueKind: JsonValueKind.Object } generation
            && generation.TryGetProperty("suppress_tokens", out JsonElement tokens) && tokens.ValueKind == JsonValueKind.Array)
        {
            keys.AddGeneral("tokenizer.ggml.suppress_tokens", tokens.EnumerateArray().Select(token => (int)keys.Context.ToInt64(token, "suppress_tokens")).ToArray());
        }
    }

    private static long FullHeadLength(ConversionContext context) =>
        OfFullLayers(context, "global_head_dim", "head_dim") ?? throw context.Invalid("'global_head_dim' is missing");

    // A value for the layers with full attention, under a separate key or in those layers' configurations.
    private static long? OfFullLayers(ConversionContext context, string key, string keyOfLayer)
    {
        if (context.Config.FindInt64(key) is { } value)
            return value;
        if (context.Config.Find("per_layer_config") is not { ValueKind: JsonValueKind.Object } layers)
            return null;
        bool[] isFull = context.LayersOfType("full_attention");
        foreach (JsonProperty layer in layers.EnumerateObject())
        {
            if (int.TryParse(layer.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < isFull.Length && isFull[number]
                && layer.Value.ValueKind == JsonValueKind.Object && layer.Value.TryGetProperty(keyOfLayer, out JsonElement own))
            {
                return context.ToInt64(own, keyOfLayer);
            }
        }
        return null;
    }

    private static void AddFeedForwardLengths(KeyWriter keys)
    {
        if (keys.Config.FindBoolean("use_double_wide_mlp") != true)
            return;
        ConversionContext context = keys.Context;
        int length = checked((int)context.Integer("intermediate_size"));
        long firstShared = context.BlockCount - context.Integer("num_kv_shared_layers");
        keys.Add("feed_forward_length", Enumerable.Range(0, context.BlockCount).Select(layer => layer < firstShared ? length : length * 2).ToArray());
    }

    private static void AddKeyValueHeads(KeyWriter keys)
    {
        if (OfFullLayers(keys.Context, "num_global_key_value_heads", "num_key_value_heads") is { } full && keys.Config.FindInt64("num_key_value_heads") is { } sliding)
            keys.Add("attention.head_count_kv", keys.Context.LayersOfType("sliding_attention").Select(isSliding => (int)(isSliding ? sliding : full)).ToArray());
    }
}

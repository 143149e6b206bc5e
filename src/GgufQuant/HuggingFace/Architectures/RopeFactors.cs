using System.Text.Json;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace.Tensors;
using static GgufQuant.HuggingFace.Architectures.KeyRules;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>The tensors of RoPE frequency factors, for contexts longer than the model was trained on.</summary>
internal static class RopeFactors
{
    /// <summary>The keys of Phi-3.</summary>
    public static KeyRule[] Phi3Keys { get; } =
    [
        UInt32("context_length", "n_positions", "max_position_embeddings"),
        UInt32("rope.scaling.original_context_length", OriginalContext),
        UInt32("embedding_length", "hidden_size", "n_embd"),
        UInt32("feed_forward_length", "intermediate_size"),
        BlockCount,
        UInt32("attention.head_count", "num_attention_heads", "n_head"),
        UInt32("attention.head_count_kv", "num_key_value_heads", "n_head_kv"),
        Float32("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
        UInt32("rope.dimension_count", RotatedOfPhi3),
        keys => keys.AddFloat32("rope.freq_base", keys.Context.Rope.FindOfFull("rope_theta") ?? throw keys.Context.Invalid("'rope_theta' is missing")),
        KeyRules.FileType,
        UInt32Or("attention.sliding_window", 0, "sliding_window"),
    ];

    /// <summary>The factors of Llama 3.1 and later.</summary>
    /// <remarks>convert_hf_to_gguf's <c>LlamaModel.generate_extra_tensors</c>, which computes in F32.</remarks>
    public static IEnumerable<SourceTensor> OfLlama3(ConversionContext context, IReadOnlyList<SourceTensor> tensors) => OfLlama3(context, otherwise: 8);

    /// <summary>The same factors, for EXAONE 4.</summary>
    public static IEnumerable<SourceTensor> OfExaone4(ConversionContext context, IReadOnlyList<SourceTensor> tensors) => OfLlama3(context, otherwise: 16);

    /// <summary>The factors of Phi-3 with long contexts.</summary>
    /// <remarks>convert_hf_to_gguf's <c>Phi3MiniModel.generate_extra_tensors</c>.</remarks>
    public static IEnumerable<SourceTensor> OfPhi3(ConversionContext context, IReadOnlyList<SourceTensor> tensors)
    {
        if (context.Rope.Find("long_factor") is not { ValueKind: JsonValueKind.Array } longFactors || longFactors.GetArrayLength() == 0)
            return [];
        double original = OriginalContext(context);
        double scale = context.Integer("n_positions", "max_position_embeddings") / original;
        string type = context.Rope.Type ?? throw context.Invalid("'rope_scaling' has no type");
        double attentionFactor = type.ToLowerInvariant() switch
        {
            "su" or "longrope" => scale > 1 ? Math.Sqrt(1 + (Math.Log(scale) / Math.Log(original))) : 1,
            "yarn" => scale > 1 ? (0.1 * Math.Log(scale)) + 1 : 1,
            _ => throw context.Invalid($"the rope scaling type '{type}' is not supported"),
        };
        context.TensorKeys.Add(GgufEntry.Create($"{context.Architecture.Name}.rope.scaling.attn_factor", (float)attentionFactor));
        return LongAndShort(context, RotatedOfPhi3(context) / 2);
    }

    /// <summary>The factors of MiniCPM with long contexts.</summary>
    /// <remarks>convert_hf_to_gguf's <c>MiniCPMModel.generate_extra_tensors</c>.</remarks>
    public static IEnumerable<SourceTensor> OfMiniCpm(ConversionContext context, IReadOnlyList<SourceTensor> tensors) =>
        context.Rope.Find("long_factor") is null && context.Rope.Find("short_factor") is null
            ? []
            : LongAndShort(context, context.Integer("hidden_size") / context.Integer("num_attention_heads") / 2);

    private static SourceTensor[] LongAndShort(ConversionContext context, long count) =>
        [Factors(context, "rope_factors_long.weight", "long_factor", count), Factors(context, "rope_factors_short.weight", "short_factor", count)];

    private static SourceTensor Factors(ConversionContext context, string name, string key, long count)
    {
        if (context.Rope.Find(key) is not { ValueKind: JsonValueKind.Array } factors || factors.GetArrayLength() != count)
            throw context.Invalid($"'{key}' must have {count} numbers");
        return new SourceTensor(name, new GivenValues([.. factors.EnumerateArray().Select(factor => (float)context.ToDouble(factor, key))]));
    }

    private static long OriginalContext(ConversionContext context) =>
        context.Rope.Find("original_max_position_embeddings") is { } length
            ? context.ToInt64(length, "original_max_position_embeddings")
            : throw context.Invalid("'original_max_position_embeddings' is missing");

    private static long RotatedOfPhi3(ConversionContext context) =>
        (long)(context.Rope.Number("partial_rotary_factor", 1) * context.Integer("hidden_size", "n_embd")) / context.Integer("num_attention_heads", "n_head");

    private static SourceTensor[] OfLlama3(ConversionContext context, double otherwise)
    {
        RopeParameters rope = context.Rope;
        if (!string.Equals(rope.Type, "llama3", StringComparison.OrdinalIgnoreCase))
            return [];
        int dimensions = context.FactorLength(context.HeadLength);
        double theta = rope.NumberOfFull("rope_theta", 10000);
        float factor = (float)rope.NumberOfFull("factor", otherwise);
        double low = rope.NumberOfFull("low_freq_factor", 1);
        double high = rope.NumberOfFull("high_freq_factor", 4);
        double original = rope.NumberOfFull("original_max_position_embeddings", 8192);

        float[] factors = new float[(dimensions + 1) / 2];
        for (int i = 0; i < factors.Length; i++)
        {
            float frequency = 1 / (float)Math.Pow(theta, 2 * i / (float)dimensions);
            float wavelength = (float)(2 * Math.PI) / frequency;
            if (wavelength < original / high)
            {
                factors[i] = 1;
            }
            else if (wavelength > original / low)
            {
                factors[i] = factor;
            }
            else
            {
                float smooth = (((float)original / wavelength) - (float)low) / (float)(high - low);
                factors[i] = 1 / (((1 - smooth) / factor) + smooth);
            }
        }
        return [new SourceTensor("rope_freqs.weight", new GivenValues(factors))];
    }
}

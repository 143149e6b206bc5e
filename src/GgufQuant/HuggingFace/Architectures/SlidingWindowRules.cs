using System.Text.Json;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>Recipes for single model families: sliding windows, RoPE sections, shared experts.</summary>
internal static class SlidingWindowRules
{
    private static readonly int[] s_defaultSections = [11, 11, 10, 0];

    /// <summary>Which layers of OLMo 3 use a sliding window: those it names, or all but every fourth.</summary>
    public static void SlidingWindowOfOlmo(KeyWriter keys)
    {
        if (!keys.Config.Contains("sliding_window"))
            return;
        keys.AddUInt32("attention.sliding_window", keys.Context.Integer("sliding_window"));
        keys.Add("attention.sliding_window_pattern", keys.Config.Contains("layer_types")
            ? keys.Context.LayersOfType("sliding_attention")
            : [.. Enumerable.Range(1, keys.Context.HiddenLayers).Select(layer => layer % 4 != 0)]);
    }

    /// <summary>Which layers of EXAONE 4 use a sliding window, by <c>layer_types</c> or by a pattern: <c>LLLG</c>, or all but every nth.</summary>
    public static void SlidingWindowOfExaone(KeyWriter keys)
    {
        ConversionContext context = keys.Context;
        if (keys.Config.Find("sliding_window") is not { } window)
            return;
        keys.AddUInt32("attention.sliding_window", window);
        IEnumerable<int> layers = Enumerable.Range(0, context.HiddenLayers);
        if (keys.Config.Contains("layer_types"))
            keys.Add("attention.sliding_window_pattern", context.LayersOfType("sliding_attention"));
        else if (keys.Config.FindString("sliding_window_pattern") is { Length: > 0 } letters)
            keys.Add("attention.sliding_window_pattern", layers.Select(layer => letters[layer % letters.Length] == 'L').ToArray());
        else if (keys.Config.FindInt64("sliding_window_pattern") is > 0 and long every)
            keys.Add("attention.sliding_window_pattern", layers.Select(layer => (layer + 1) % every != 0).ToArray());
    }

    /// <summary>No window for models of Llama 4's class whose layers all use full attention.</summary>
    public static void WindowOfLlama4(KeyWriter keys)
    {
        if (keys.Config.Contains("layer_types") && keys.Context.LayersOfType("full_attention").All(isFull => isFull))
            keys.AddUInt32("attention.sliding_window", 0);
    }

    /// <summary>The RoPE sections that Qwen 3.5 has even if its configuration lacks them.</summary>
    public static void DefaultSections(KeyWriter keys)
    {
        if (keys.Context.Rope.Find("mrope_section") is null)
            keys.Add("rope.dimension_sections", s_defaultSections);
    }

    /// <summary>The number of layers of Qwen3-VL that take image features (deepstack).</summary>
    public static void DeepstackLayers(KeyWriter keys)
    {
        int count = keys.Config.Root.TryGetProperty("vision_config", out JsonElement vision) && vision.ValueKind == JsonValueKind.Object
            && vision.TryGetProperty("deepstack_visual_indexes", out JsonElement layers) && layers.ValueKind == JsonValueKind.Array ? layers.GetArrayLength() : 0;
        keys.Add("n_deepstack_layers", (uint)count);
    }

    /// <summary>The size of Granite's shared expert, if there is one.</summary>
    public static void SharedFeedForward(KeyWriter keys)
    {
        if (keys.Config.FindInt64("shared_intermediate_size") is { } length && length != 0)
            keys.AddUInt32("expert_shared_feed_forward_length", length);
    }

    /// <summary>Nemotron's RoPE scaling.</summary>
    public static void NemotronScaling(KeyWriter keys)
    {
        JsonElement? factor = keys.Config.FindDouble("factor") is { } given && given != 0 ? keys.Config.Find("factor") : keys.Context.Rope.Find("factor");
        keys.Add("rope.scaling.type", factor is null ? "none" : "linear");
        keys.AddFloat32("rope.scaling.factor", factor);
    }

    /// <summary>Undoes the transposition in which experts are stored.</summary>
    public static TensorRule TransposeVisionExperts { get; } = TensorRules.Values(
        ["*mlp.experts.gate_up_proj", "*mlp.experts.down_proj"], (_, values) => values.Transpose());

    /// <summary>Drops biases, which must be zero.</summary>
    public static TensorRule DropZeroBiases { get; } = (context, tensor) =>
    {
        if (!tensor.Name.EndsWith(".bias", StringComparison.Ordinal))
            return [tensor];
        float[] bias = new float[checked((int)tensor.Values.Count)];
        tensor.Values.ReadFloats(0, bias);
        return bias.AsSpan().ContainsAnyExcept(0f)
            ? throw new ModelFolderException(context.Folder.Path, $"the bias '{tensor.Name}' is not zero, but llama.cpp has no such bias in this architecture")
            : [];
    };

    /// <summary>Reorders the rotated rows of each head of GLM-4's vision models: even rows first, then odd ones.</summary>
    /// <remarks>convert_hf_to_gguf's <c>Glm4Model.normal_to_neox</c>.</remarks>
    public static TensorRule DeinterleaveRotated { get; } = (context, tensor) =>
    {
        if (context.Rope.Find("mrope_section") is null || !TensorRules.IsMatch(tensor.Name, "*q_proj.weight", "*q_proj.bias", "*k_proj.weight", "*k_proj.bias"))
            return [tensor];
        long length = context.HeadLength;
        long rotated = (long)(length * context.Rope.Number("partial_rotary_factor", 0.5));
        TensorValues values = tensor.Values.Shape.Length == 1 ? tensor.Values.Reshape(tensor.Values.Count, 1) : tensor.Values;
        TensorValues ordered = values.Rows(values.Shape, row =>
        {
            (long head, long index) = Math.DivRem(row, length);
            if (index < rotated)
                index = index < rotated / 2 ? 2 * index : (2 * (index - (rotated / 2))) + 1;
            return (head * length) + index;
        });
        return [tensor with { Values = ordered.Reshape(tensor.Values.Shape) }];
    };
}

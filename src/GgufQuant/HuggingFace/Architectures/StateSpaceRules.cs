using System.Text.Json;
using GgufQuant.HuggingFace.Tensors;
using static GgufQuant.HuggingFace.Architectures.KeyRules;
using static GgufQuant.HuggingFace.Architectures.TensorRules;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>Recipes for models with state space layers or short convolutions: Mamba, Falcon-H1, Granite 4, LFM2.</summary>
/// <remarks>convert_hf_to_gguf's <c>MambaModel</c>, <c>Mamba2Model</c>, <c>FalconH1Model</c>, <c>GraniteHybridModel</c> and <c>LFM2Model</c>.</remarks>
internal static class StateSpaceRules
{
    private const long LongContext = 1 << 20;

    /// <summary>The kinds of tensors of LFM2, without feed-forward layers.</summary>
    public static string[] ShortConvolutionTensors { get; } =
    [
        "token_embd", "token_embd_norm", "shortconv.conv", "shortconv.in_proj", "shortconv.out_proj",
        "attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "attn_q_norm", "attn_k_norm", "ffn_norm",
    ];

    /// <summary>The keys of Mamba.</summary>
    public static KeyRule[] MambaKeys { get; } =
    [
        Constant("context_length", (uint)LongContext),
        UInt32("embedding_length", ModelLength),
        Constant("feed_forward_length", 0u),
        Constant("attention.head_count", 0u),
        BlockCount,
        UInt32("ssm.conv_kernel", context => OrDefault(context, 4, "conv_kernel", "d_conv")),
        UInt32("ssm.inner_size", context => OrDefault(context, 2 * ModelLength(context), "intermediate_size", "d_inner")),
        UInt32("ssm.state_size", context => OrDefault(context, 16, "state_size", "d_state")),
        UInt32("ssm.time_step_rank", context => OrDefault(context, (ModelLength(context) + 15) / 16, "time_step_rank", "dt_rank")),
        Epsilon,
        keys => keys.Add("ssm.dt_b_c_rms", keys.Config.ModelType == "falcon_mamba"),
        KeyRules.FileType,
    ];

    /// <summary>The keys of Mamba-2.</summary>
    public static KeyRule[] Mamba2Keys { get; } =
    [
        Constant("context_length", (uint)LongContext),
        UInt32("embedding_length", ModelLength),
        Constant("feed_forward_length", 0u),
        Constant("attention.head_count", 0u),
        BlockCount,
        UInt32("ssm.conv_kernel", context => OrDefault(context, 4, "conv_kernel", "d_conv", "mamba_d_conv")),
        UInt32("ssm.inner_size", InnerLength),
        UInt32("ssm.state_size", context => OrDefault(context, 128, "state_size", "d_state", "mamba_d_state")),
        UInt32("ssm.time_step_rank", context => InnerLength(context) / OrDefault(context, 64, "mamba_d_head", "head_dim")),
        UInt32("ssm.group_count", Groups),
        Epsilon,
        KeyRules.FileType,
    ];

    /// <summary>The keys of Falcon-H1.</summary>
    public static KeyRule[] FalconH1Keys { get; } =
    [
        .. Mamba2Keys,
        UInt32("vocab_size", "vocab_size"),
        UInt32Or("context_length", 0, "max_position_embeddings"),
        UInt32("feed_forward_length", "intermediate_size"),
        UInt32("attention.head_count", "num_attention_heads"),
        UInt32("attention.head_count_kv", "num_key_value_heads"),
        UInt32("attention.key_length", "head_dim"),
        UInt32("attention.value_length", "head_dim"),
        Float32("rope.freq_base", "rope_theta"),
    ];

    /// <summary>The keys of Granite 4 after those of Granite.</summary>
    public static KeyRule[] GraniteHybridKeys { get; } =
    [
        UInt32("ssm.conv_kernel", "conv_kernel", "d_conv", "mamba_d_conv"),
        UInt32("ssm.state_size", "state_size", "d_state", "mamba_d_state"),
        UInt32("ssm.group_count", Groups),
        UInt32("ssm.inner_size", InnerLength),
        UInt32("ssm.time_step_rank", "n_heads", "num_heads", "mamba_n_heads"),
        OptionalUInt32("rope.dimension_count", "attn_rotary_emb"),
        keys => keys.Add("attention.head_count_kv", AttentionLayers(keys.Config).Select(isAttention => isAttention ? keys.Context.KeyValueHeads : 0).ToArray()),
        keys =>
        {
            bool isRotated = keys.Config.Architecture == "BambaForCausalLM" || !AttentionLayers(keys.Config).Contains(false);
            keys.Add("rope.scaling.finetuned", isRotated);
            if (!isRotated)
                keys.AddUInt32("context_length", LongContext);
        },
    ];

    /// <summary>The recipes for Mamba-2 layers.</summary>
    public static TensorRule[] Mamba2 { get; } =
    [
        Rename("*.dt_bias", ".dt_bias", ".dt_proj.bias"),
        // llama.cpp expects one more dimension than in Mamba.
        Values(["*mixer.A_log", "*mamba.A_log", "*mixer.D", "*mamba.D"], (_, values) => values.Reshape([.. values.Shape, 1])),
        Values(["*mixer.norm.weight", "*mamba.norm.weight"], (context, values) => values.Reshape(Groups(context), values.Count / Groups(context))),
        SqueezeConvolution,
        NegativeExp,
    ];

    /// <summary>Splits the gate and up projections that Granite's experts store in one matrix.</summary>
    public static TensorRule[] GraniteExperts { get; } =
    [
        (context, tensor) =>
        {
            bool hasExperts = context.Config.FindInt64("num_local_experts") is > 0;
            string kind = IsMatch(tensor.Name, "*block_sparse_moe.input_linear.weight") ? "_exps"
                : !IsMatch(tensor.Name, "*shared_mlp.*") ? ""
                : hasExperts ? "_shexp" : "dense";
            if (kind.Length == 0 || (kind == "_shexp" && !IsMatch(tensor.Name, "*.input_linear.weight")))
                return [tensor];
            string suffix = kind == "dense" ? "" : kind;
            if (IsMatch(tensor.Name, "*shared_mlp.output_linear.weight"))
                return [tensor with { Name = $"blk.{tensor.Block}.ffn_down{suffix}.weight" }];
            return
            [
                tensor with { Name = $"blk.{tensor.Block}.ffn_gate{suffix}.weight", Values = tensor.Values.RowsOfEachMatrix(0, 1, tensor.Values.Shape[^2] / 2) },
                tensor with { Name = $"blk.{tensor.Block}.ffn_up{suffix}.weight", Values = tensor.Values.RowsOfEachMatrix(tensor.Values.Shape[^2] / 2, 1, tensor.Values.Shape[^2] / 2) },
            ];
        },
    ];

    /// <summary>Drops the middle dimension of a convolution, which is 1.</summary>
    public static TensorRule SqueezeConvolution => Values("*.conv1d.weight", (_, values) => values.Squeeze());

    /// <summary>Drops the middle dimension of a short convolution, which is 1.</summary>
    public static TensorRule SqueezeShortConvolution { get; } =
        Values("*conv.conv*", (_, values) => values.Shape is [var rows, 1, var columns] ? values.Reshape(rows, columns) : values);

    /// <summary>Drops an output matrix that equals the embeddings.</summary>
    public static TensorRule DropEqualOutput { get; } = (context, tensor) =>
    {
        const string Embeddings = "embeddings of Mamba";
        if (IsMatch(tensor.Name, "backbone.embedding*.weight"))
            context.Seen[Embeddings] = tensor.Values;
        return tensor.Name == "lm_head.weight" && context.Seen.TryGetValue(Embeddings, out TensorValues? embeddings) && tensor.Values.HasSameValues(embeddings) ? [] : [tensor];
    };

    /// <summary>Folds Falcon-H1's multipliers into its weights.</summary>
    public static TensorRule FoldMultipliers { get; } = (context, tensor) => [tensor with { Values = Folded(context, tensor.Name, tensor.Values) }];

    /// <summary>For each layer, whether it has attention.</summary>
    public static bool[] AttentionLayers(ModelConfig config)
    {
        int layers = (int)Math.Clamp(config.FindInt64("num_hidden_layers") ?? 0, 0, ConversionContext.MaxLayers);
        if (config.Find("layer_types") is { ValueKind: JsonValueKind.Array } types && types.GetArrayLength() > 0)
            return [.. types.EnumerateArray().Select(type => type.ValueKind == JsonValueKind.String && type.ValueEquals("attention"))];
        if (config.Find("attn_layer_indices") is { ValueKind: JsonValueKind.Array } indices && indices.GetArrayLength() > 0)
        {
            HashSet<long> set = [.. indices.EnumerateArray().Select(index => index.ValueKind == JsonValueKind.Number && index.TryGetInt64(out long layer) ? layer : -1)];
            return [.. Enumerable.Range(0, layers).Select(layer => set.Contains(layer))];
        }
        if (config.FindInt64("attn_layer_period") is > 0 and long period && config.FindInt64("attn_layer_offset") is { } offset)
            return [.. Enumerable.Range(0, layers).Select(layer => layer % period == offset)];
        throw new ModelFolderException(config.Path, "neither 'layer_types' nor 'attn_layer_indices' nor 'attn_layer_period' says which layers have attention");
    }

    /// <summary>The number of key-value heads per layer: 0 without attention.</summary>
    public static ModelConfig KeyValueHeadsPerLayer(ModelConfig config, Func<string, bool> hasAttention)
    {
        if (config.Find("layer_types") is not { ValueKind: JsonValueKind.Array } types || config.FindInt64("num_key_value_heads") is not { } heads)
            throw new ModelFolderException(config.Path, "'layer_types' or 'num_key_value_heads' is missing");
        return config.With("num_key_value_heads", $"[{string.Join(',', types.EnumerateArray().Select(type => hasAttention(type.ToString()) ? heads : 0))}]");
    }

    /// <summary>LFM2's feed-forward length is derived from a nominal one.</summary>
    public static long FeedForwardLengthOfLfm2(ConversionContext context)
    {
        long length = context.Integer("block_ff_dim", "intermediate_size");
        if (context.Config.FindBoolean("block_auto_adjust_ff_dim") != true)
            return length;
        length = (long)(2 * length / 3.0);
        if (context.Config.FindDouble("block_ffn_dim_multiplier") is { } multiplier)
            length = (long)(multiplier * length);
        long multiple = context.Integer("block_multiple_of");
        return (length + multiple - 1) / multiple * multiple;
    }

    private static void Epsilon(KeyWriter keys) =>
        keys.AddFloat32("attention.layer_norm_rms_epsilon", keys.Config.FindDouble("layer_norm_epsilon", "rms_norm_eps") is { } epsilon && epsilon != 0 ? epsilon : 1e-5);

    private static long ModelLength(ConversionContext context) => context.Integer("hidden_size", "d_model", "dim");

    private static long Groups(ConversionContext context) => OrDefault(context, 1, "n_groups", "num_groups", "mamba_n_groups");

    // Granite gives it as a multiple of the model's length, the others directly.
    private static long InnerLength(ConversionContext context) =>
        context.Config.FindInt64("mamba_expand") is { } expand && context.Config.FindInt64("mamba_d_ssm") is null
            ? expand * ModelLength(context)
            : OrDefault(context, 2 * ModelLength(context), "mamba_d_ssm", "intermediate_size", "d_inner");

    private static long OrDefault(ConversionContext context, long otherwise, params ReadOnlySpan<string> names) =>
        context.Config.Find(names) is { } value && context.ToInt64(value, names[0]) is var number && number != 0 ? number : otherwise;

    private static TensorValues Folded(ConversionContext context, string name, TensorValues values)
    {
        double Of(string key) => context.Number(key);
        double Part(string key, int index) => context.List(key) is var list && index < list.Length ? context.ToDouble(list[index], key) : throw context.Invalid($"'{key}' has too few numbers");
        return IsMatch(name, "*down_proj*") ? values.Multiply(Part("mlp_multipliers", 1))
            : IsMatch(name, "*gate_proj*") ? values.Multiply(Part("mlp_multipliers", 0))
            : IsMatch(name, "*k_proj*") ? values.Multiply(Of("key_multiplier")).Multiply(Of("attention_in_multiplier"))
            : IsMatch(name, "*q_proj*", "*v_proj*") ? values.Multiply(Of("attention_in_multiplier"))
            : IsMatch(name, "*o_proj*") ? values.Multiply(Of("attention_out_multiplier"))
            : IsMatch(name, "*out_proj*") ? values.Multiply(Of("ssm_out_multiplier"))
            : IsMatch(name, "*in_proj*") ? FoldedInput(context, values.Multiply(Of("ssm_in_multiplier")), [.. Enumerable.Range(0, 5).Select(index => (float)Part("ssm_multipliers", index))])
            : IsMatch(name, "*lm_head*") ? values.Multiply(Of("lm_head_multiplier"))
            : IsMatch(name, "*embed_tokens*") ? values.Multiply(Of("embedding_multiplier"))
            : values;
    }

    // The rows are z, x, B, C and the time steps.
    private static TensorValues FoldedInput(ConversionContext context, TensorValues values, float[] multipliers)
    {
        long inner = context.Integer("mamba_d_ssm");
        long state = context.Integer("mamba_n_groups") * context.Integer("mamba_d_state");
        return values.SelectByRow((row, value) => value * multipliers[
            row < inner ? 0 : row < 2 * inner ? 1 : row < (2 * inner) + state ? 2 : row < (2 * inner) + (2 * state) ? 3 : 4]);
    }
}

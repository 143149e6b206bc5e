using System.Text.Json;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>The building blocks of key recipes.</summary>
internal static class KeyRules
{
    private static readonly (string Name, uint Function)[] s_gatingFunctions = [("softmax", 1), ("sigmoid", 2), ("sqrtsoftplus", 4)];

    /// <summary>A required integer.</summary>
    public static KeyRule UInt32(string key, params string[] names) => keys => keys.AddUInt32(key, keys.Context.Integer(names));

    /// <summary>An optional integer.</summary>
    public static KeyRule OptionalUInt32(string key, params string[] names) => keys => keys.AddUInt32(key, keys.Config.Find(names));

    /// <summary>An integer with a default.</summary>
    public static KeyRule UInt32Or(string key, long otherwise, params string[] names) =>
        keys => keys.AddUInt32(key, keys.Config.Find(names) is { } value ? keys.Context.ToInt64(value, key) : otherwise);

    /// <summary>A computed integer.</summary>
    public static KeyRule UInt32(string key, Func<ConversionContext, long> value) => keys => keys.AddUInt32(key, value(keys.Context));

    /// <summary>A required number.</summary>
    public static KeyRule Float32(string key, params string[] names) => keys => keys.AddFloat32(key, keys.Context.Number(names));

    /// <summary>An optional number.</summary>
    public static KeyRule OptionalFloat32(string key, params string[] names) => keys => keys.AddFloat32(key, keys.Config.Find(names));

    /// <summary>A number, omitted if it is missing or 0.</summary>
    public static KeyRule NonZeroFloat32(string key, string name) => keys =>
    {
        if (keys.Config.FindDouble(name) is { } value && value != 0)
            keys.AddFloat32(key, value);
    };

    /// <summary>A number with a default.</summary>
    public static KeyRule Float32Or(string key, double otherwise, params string[] names) =>
        keys => keys.AddFloat32(key, keys.Config.Find(names) is { } value ? keys.Context.ToDouble(value, key) : otherwise);

    /// <summary>A boolean, omitted if it is missing or null.</summary>
    public static KeyRule OptionalBoolean(string key, string name) => keys =>
    {
        if (keys.Config.FindBoolean(name) is { } value)
            keys.Add(key, value);
    };

    /// <summary>A boolean, omitted unless it is true.</summary>
    public static KeyRule IfTrue(string key, string name) => keys =>
    {
        if (keys.Config.FindBoolean(name) == true)
            keys.Add(key, true);
    };

    /// <summary>A constant.</summary>
    public static KeyRule Constant(string key, object value) => keys => keys.Add(key, value);

    /// <summary>One boolean per layer.</summary>
    public static KeyRule Booleans(string key, Func<ConversionContext, bool[]> values) => keys => keys.Add(key, values(keys.Context));

    /// <summary>The number of blocks.</summary>
    public static void BlockCount(KeyWriter keys) => keys.AddUInt32("block_count", keys.Context.BlockCount);

    /// <summary>The file type.</summary>
    public static void FileType(KeyWriter keys) => keys.AddFileType();

    /// <summary>RoPE's dimensions: the whole head.</summary>
    public static void RopeDimensionCount(KeyWriter keys) => keys.AddUInt32("rope.dimension_count", keys.Context.HeadLength);

    /// <summary>RoPE's dimensions: a share of the head.</summary>
    public static KeyRule RopeDimensionCountOf(double otherwise) =>
        keys => keys.AddUInt32("rope.dimension_count", (long)(keys.Context.HeadLength * keys.Context.Rope.Number("partial_rotary_factor", otherwise)));

    /// <summary>How sentence-transformers pools the token embeddings, from the config.json in the folder that modules.json names.</summary>
    public static void Pooling(KeyWriter keys)
    {
        ModelFolder folder = keys.Context.Folder;
        if (folder.ReadJson("modules.json") is not { ValueKind: JsonValueKind.Array } modules)
            return;
        foreach (JsonElement module in modules.EnumerateArray())
        {
            if (module.ValueKind != JsonValueKind.Object || !module.TryGetProperty("type", out JsonElement type)
                || type.ValueKind != JsonValueKind.String || !type.GetString()!.EndsWith("Pooling", StringComparison.Ordinal))
                continue;
            string? path = module.TryGetProperty("path", out JsonElement given) && given.ValueKind == JsonValueKind.String ? given.GetString() : null;
            // The file is untrusted: the path could point outside the folder.
            if (string.IsNullOrEmpty(path) || path.AsSpan().ContainsAny("/\\:") || path is "." or "..")
                throw new ModelFolderException(folder.PathOf("modules.json"), $"'{path}' does not name a subfolder of the model");
            if (folder.ReadJson(Path.Combine(path, "config.json")) is not { } pooling)
                throw new ModelFolderException(folder.PathOf(Path.Combine(path, "config.json")), "the file is missing, but modules.json refers to it");
            keys.Add("pooling_type", PoolingType(pooling) ?? throw new ModelFolderException(folder.PathOf(Path.Combine(path, "config.json")), "only MEAN, CLS and LAST pooling are supported"));
            return;
        }
    }

    private static uint? PoolingType(JsonElement pooling)
    {
        bool IsSet(string name) => pooling.ValueKind == JsonValueKind.Object && pooling.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.True;
        if (IsSet("pooling_mode_mean_tokens"))
            return 1;
        if (IsSet("pooling_mode_cls_token"))
            return 2;
        if (IsSet("pooling_mode_lasttoken"))
            return 3;
        return pooling.ValueKind == JsonValueKind.Object && pooling.TryGetProperty("pooling_mode", out JsonElement mode) && mode.ValueKind == JsonValueKind.String
            ? mode.GetString() switch { "mean" => 1u, "cls" => 2u, "lasttoken" => 3u, _ => null }
            : null;
    }

    /// <summary>The keys that most architectures have.</summary>
    /// <remarks>convert_hf_to_gguf's <c>TextModel.set_gguf_parameters</c>.</remarks>
    public static void Base(KeyWriter keys)
    {
        ModelConfig config = keys.Config;
        BlockCount(keys);
        keys.AddUInt32("context_length", config.Find("max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length", "model_max_length"));
        keys.AddUInt32("embedding_length", config.Find("hidden_size", "n_embd", "dim"));
        keys.AddUInt32OrArray("feed_forward_length", config.Find("prefix_dense_intermediate_size", "dense_intermediate_size", "intermediate_size", "n_inner", "hidden_dim"));
        keys.AddUInt32OrArray("attention.head_count", config.Find("num_attention_heads", "n_head", "n_heads"));
        keys.AddUInt32OrArray("attention.head_count_kv", config.Find("num_key_value_heads", "n_kv_heads"));
        if (config.FindBoolean("is_causal") == false)
            keys.Add("attention.causal", false);
        AddRope(keys);
        keys.AddFloat32("attention.layer_norm_rms_epsilon", config.Find("rms_norm_eps", "norm_eps"));
        keys.AddFloat32("attention.layer_norm_epsilon", config.Find("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"));
        keys.AddUInt32("expert_count", config.Find("num_local_experts", "num_experts", "n_routed_experts"));
        keys.AddUInt32("expert_used_count", config.Find("num_experts_per_tok", "num_experts_per_token", "top_k_experts"));
        keys.AddUInt32("expert_group_count", config.Find("n_group"));
        keys.AddUInt32("expert_group_used_count", config.Find("topk_group"));
        AddGatingFunction(keys);
        keys.AddUInt32("attention.key_length", config.Find("head_dim"));
        keys.AddUInt32("attention.value_length", config.Find("head_dim"));
        FileType(keys);
    }

    private static void AddRope(KeyWriter keys)
    {
        RopeParameters rope = keys.Context.Rope;
        AddRopeScaling(keys, rope);
        if (rope.Find("mrope_section") is { ValueKind: JsonValueKind.Array } sections)
        {
            IEnumerable<int> given = sections.EnumerateArray().Select(section => (int)keys.Context.ToInt64(section, "mrope_section"));
            keys.Add("rope.dimension_sections", given.Concat([0, 0, 0, 0]).Take(4).ToArray());
        }
        keys.AddFloat32("rope.freq_base", rope.FindOfFull("rope_theta"));
        keys.AddFloat32("rope.freq_base_swa", rope.SlidingTheta);
    }

    private static void AddRopeScaling(KeyWriter keys, RopeParameters rope)
    {
        JsonElement? factor = rope.FindOfFull("factor");
        switch (rope.Type)
        {
            case "linear" when factor is not null:
                keys.Add("rope.scaling.type", "linear");
                keys.AddFloat32("rope.scaling.factor", factor);
                break;
            case "yarn" when factor is not null:
                keys.Add("rope.scaling.type", "yarn");
                keys.AddFloat32("rope.scaling.factor", factor);
                keys.AddUInt32("rope.scaling.original_context_length", rope.FindOfFull("original_max_position_embeddings")
                    ?? throw keys.Context.Invalid("'original_max_position_embeddings' of the YaRN scaling is missing"));
                keys.AddFloat32("rope.scaling.yarn_ext_factor", rope.FindOfFull("extrapolation_factor"));
                keys.AddFloat32("rope.scaling.yarn_attn_factor", rope.FindOfFull("attention_factor") ?? rope.FindOfFull("attn_factor"));
                keys.AddFloat32("rope.scaling.yarn_beta_fast", rope.FindOfFull("beta_fast"));
                keys.AddFloat32("rope.scaling.yarn_beta_slow", rope.FindOfFull("beta_slow"));
                break;
            case "su" or "longrope":
                keys.Add("rope.scaling.type", "longrope");
                break;
        }
    }

    private static void AddGatingFunction(KeyWriter keys)
    {
        if (keys.Config.Find("score_function", "scoring_func", "score_func", "moe_router_activation", "moe_router_activation_func", "expert_selection_fn") is not { } value)
            return;
        foreach ((string name, uint function) in s_gatingFunctions)
        {
            if (value.ValueKind == JsonValueKind.String && value.ValueEquals(name))
            {
                keys.Add("expert_gating_func", function);
                return;
            }
        }
        throw keys.Context.Invalid($"{value.GetRawText()} is not an expert gating function that llama.cpp has");
    }
}

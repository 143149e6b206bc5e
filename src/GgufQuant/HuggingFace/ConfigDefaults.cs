using System.Globalization;
using System.Text.Json;
using GgufQuant.HuggingFace.Architectures;

namespace GgufQuant.HuggingFace;

/// <summary>The defaults that transformers fills in for config.json, limited to those that become metadata.</summary>
/// <remarks>
/// convert_hf_to_gguf reads config.json through transformers' <c>AutoConfig</c>, whose classes have defaults. The values
/// are those of transformers 4.57.5, from the files named beside them, below src/transformers/models. The config.json of any
/// other model_type is used as it is, and values that nothing is computed from are omitted.
/// </remarks>
internal static class ConfigDefaults
{
    private const string ModelTypeKey = "model_type";

    // Stands for "as many as the attention heads".
    private const string Heads = "=num_attention_heads";
    private const string HeadLength = "=hidden_size/num_attention_heads";

    private static readonly (string Key, string Value)[] s_graniteMoe =
    [
        ("vocab_size", "32000"), ("max_position_embeddings", "2048"), ("rms_norm_eps", "1e-6"), ("rope_theta", "10000.0"), ("num_local_experts", "8"),
        ("num_experts_per_tok", "2"), ("embedding_multiplier", "1.0"), ("logits_scaling", "1.0"), ("residual_multiplier", "1.0"), ("attention_multiplier", "1.0"),
        ("num_key_value_heads", Heads),
    ];

    private static readonly (string Key, string Value)[] s_qwenVision =
    [
        ("vocab_size", "152064"), ("num_key_value_heads", "8"), ("max_position_embeddings", "32768"), ("rms_norm_eps", "1e-5"), ("rope_theta", "1000000.0"),
    ];

    private static readonly (string Key, string Value)[] s_bert =
        [("max_position_embeddings", "512"), ("layer_norm_eps", "1e-12"), ("type_vocab_size", "2")];

    private static readonly Dictionary<string, Defaults> s_byType = new(StringComparer.Ordinal)
    {
        ["llama"] = new("llama/configuration_llama.py", [
            ("vocab_size", "32000"), ("max_position_embeddings", "2048"), ("rms_norm_eps", "1e-6"), ("rope_theta", "10000.0"),
            ("num_key_value_heads", Heads), ("head_dim", HeadLength)]),
        ["mistral"] = new("mistral/configuration_mistral.py", [
            ("vocab_size", "32000"), ("num_key_value_heads", "8"), ("max_position_embeddings", "131072"), ("rms_norm_eps", "1e-6"),
            ("rope_theta", "10000.0"), ("sliding_window", "4096")]),
        ["mixtral"] = new("mixtral/configuration_mixtral.py", [
            ("vocab_size", "32000"), ("num_key_value_heads", "8"), ("max_position_embeddings", "131072"), ("rms_norm_eps", "1e-5"),
            ("rope_theta", "1000000.0"), ("num_experts_per_tok", "2"), ("num_local_experts", "8")]),
        ["qwen2"] = new("qwen2/configuration_qwen2.py", [
            ("vocab_size", "151936"), ("num_key_value_heads", "32"), ("max_position_embeddings", "32768"), ("rms_norm_eps", "1e-6"), ("rope_theta", "10000.0")]),
        ["qwen2_moe"] = new("qwen2_moe/configuration_qwen2_moe.py", [
            ("vocab_size", "151936"), ("num_key_value_heads", "16"), ("max_position_embeddings", "32768"), ("rms_norm_eps", "1e-6"), ("rope_theta", "10000.0"),
            ("moe_intermediate_size", "1408"), ("shared_expert_intermediate_size", "5632"), ("num_experts_per_tok", "4"), ("num_experts", "60")]),
        ["qwen3"] = new("qwen3/configuration_qwen3.py", [
            ("vocab_size", "151936"), ("num_key_value_heads", "32"), ("head_dim", "128"), ("max_position_embeddings", "32768"), ("rms_norm_eps", "1e-6"),
            ("rope_theta", "10000.0")]),
        ["qwen3_moe"] = new("qwen3_moe/configuration_qwen3_moe.py", [
            ("vocab_size", "151936"), ("num_key_value_heads", "4"), ("max_position_embeddings", "32768"), ("rms_norm_eps", "1e-6"), ("rope_theta", "10000.0"),
            ("moe_intermediate_size", "768"), ("num_experts_per_tok", "8"), ("num_experts", "128")]),
        ["qwen3_next"] = new("qwen3_next/configuration_qwen3_next.py", [
            ("vocab_size", "151936"), ("num_key_value_heads", "2"), ("head_dim", "256"), ("max_position_embeddings", "32768"), ("rms_norm_eps", "1e-6"),
            ("rope_theta", "10000.0"), ("partial_rotary_factor", "0.25"), ("linear_conv_kernel_dim", "4"), ("linear_key_head_dim", "128"),
            ("linear_value_head_dim", "128"), ("linear_num_key_heads", "16"), ("linear_num_value_heads", "32"), ("moe_intermediate_size", "512"),
            ("shared_expert_intermediate_size", "512"), ("num_experts_per_tok", "10"), ("num_experts", "512")]),
        ["gemma"] = new("gemma/configuration_gemma.py", [
            ("vocab_size", "256000"), ("num_key_value_heads", "16"), ("head_dim", "256"), ("max_position_embeddings", "8192"), ("rms_norm_eps", "1e-6"),
            ("rope_theta", "10000.0")]),
        ["gemma2"] = new("gemma2/configuration_gemma2.py", [
            ("vocab_size", "256000"), ("num_key_value_heads", "4"), ("head_dim", "256"), ("max_position_embeddings", "8192"), ("rms_norm_eps", "1e-6"),
            ("rope_theta", "10000.0"), ("sliding_window", "4096"), ("final_logit_softcapping", "30.0"), ("attn_logit_softcapping", "50.0")]),
        ["gemma3_text"] = new("gemma3/configuration_gemma3.py", [
            ("vocab_size", "262208"), ("hidden_size", "2304"), ("intermediate_size", "9216"), ("num_hidden_layers", "26"), ("num_attention_heads", "8"),
            ("num_key_value_heads", "4"), ("head_dim", "256"), ("max_position_embeddings", "131072"), ("rms_norm_eps", "1e-6"),
            ("rope_theta", "1000000.0"), ("rope_local_base_freq", "10000.0"), ("sliding_window", "4096")]),
        ["phi3"] = new("phi3/configuration_phi3.py", [
            ("vocab_size", "32064"), ("max_position_embeddings", "4096"), ("original_max_position_embeddings", "4096"), ("rms_norm_eps", "1e-5"),
            ("rope_theta", "10000.0"), ("num_key_value_heads", Heads)]),
        ["phimoe"] = new("phimoe/configuration_phimoe.py", [
            ("vocab_size", "32064"), ("num_key_value_heads", "8"), ("max_position_embeddings", "131072"), ("rms_norm_eps", "1e-5"), ("rope_theta", "1000000.0"),
            ("num_experts_per_tok", "2"), ("num_local_experts", "16")]),
        ["phi"] = new("phi/configuration_phi.py", [
            ("vocab_size", "51200"), ("max_position_embeddings", "2048"), ("layer_norm_eps", "1e-5"), ("rope_theta", "10000.0"), ("partial_rotary_factor", "0.5"),
            ("num_key_value_heads", Heads)]),
        ["granite"] = new("granite/configuration_granite.py", [
            ("vocab_size", "32000"), ("max_position_embeddings", "2048"), ("rms_norm_eps", "1e-6"), ("rope_theta", "10000.0"), ("embedding_multiplier", "1.0"),
            ("logits_scaling", "1.0"), ("residual_multiplier", "1.0"), ("attention_multiplier", "1.0"), ("num_key_value_heads", Heads)]),
        ["granitemoe"] = new("granitemoe/configuration_granitemoe.py", s_graniteMoe),
        ["granitemoeshared"] = new("granitemoeshared/configuration_granitemoeshared.py", s_graniteMoe),
        ["smollm3"] = new("smollm3/configuration_smollm3.py", [
            ("vocab_size", "128256"), ("num_key_value_heads", "4"), ("max_position_embeddings", "32768"), ("rms_norm_eps", "1e-6"), ("rope_theta", "2000000.0")]),
        ["cohere"] = new("cohere/configuration_cohere.py", [
            ("vocab_size", "256000"), ("max_position_embeddings", "8192"), ("layer_norm_eps", "1e-5"), ("logit_scale", "0.0625"), ("rope_theta", "10000.0"),
            ("num_key_value_heads", Heads)]),
        ["cohere2"] = new("cohere2/configuration_cohere2.py", [
            ("vocab_size", "256000"), ("max_position_embeddings", "8192"), ("layer_norm_eps", "1e-5"), ("logit_scale", "0.0625"), ("rope_theta", "10000.0"),
            ("sliding_window", "4096"), ("num_key_value_heads", Heads), ("head_dim", HeadLength)]),
        ["deepseek_v2"] = new("deepseek_v2/configuration_deepseek_v2.py", [
            ("vocab_size", "32000"), ("num_key_value_heads", Heads), ("max_position_embeddings", "2048"), ("rms_norm_eps", "1e-6"), ("rope_theta", "10000.0"),
            ("first_k_dense_replace", "0"), ("kv_lora_rank", "512"), ("q_lora_rank", "1536"), ("n_routed_experts", "64"), ("n_shared_experts", "2"),
            ("qk_nope_head_dim", "128"), ("qk_rope_head_dim", "64"), ("v_head_dim", "128"), ("routed_scaling_factor", "1.0"), ("moe_intermediate_size", "1407"),
            ("head_dim", "=qk_rope_head_dim")]),
        ["deepseek_v3"] = new("deepseek_v3/configuration_deepseek_v3.py", [
            ("vocab_size", "129280"), ("num_key_value_heads", "128"), ("n_group", "8"), ("topk_group", "4"), ("num_experts_per_tok", "8"),
            ("first_k_dense_replace", "3"), ("norm_topk_prob", "true"), ("routed_scaling_factor", "2.5"), ("kv_lora_rank", "512"), ("q_lora_rank", "1536"),
            ("qk_rope_head_dim", "64"), ("v_head_dim", "128"), ("qk_nope_head_dim", "128"), ("max_position_embeddings", "4096"), ("rms_norm_eps", "1e-6"),
            ("rope_theta", "10000.0"), ("n_shared_experts", "1"), ("n_routed_experts", "256"), ("moe_intermediate_size", "2048"), ("head_dim", "=qk_rope_head_dim")]),
        ["gpt_oss"] = new("gpt_oss/configuration_gpt_oss.py", [
            ("vocab_size", "201088"), ("num_key_value_heads", "8"), ("head_dim", "64"), ("sliding_window", "128"), ("max_position_embeddings", "131072"),
            ("rms_norm_eps", "1e-5"), ("rope_theta", "150000.0"), ("num_experts_per_tok", "4"), ("num_local_experts", "128"),
            ("rope_scaling", """{"rope_type":"yarn","factor":32.0,"beta_fast":32.0,"beta_slow":1.0,"truncate":false,"original_max_position_embeddings":4096}""")]),
        ["glm4"] = new("glm4/configuration_glm4.py", [
            ("vocab_size", "151552"), ("num_key_value_heads", "2"), ("head_dim", "128"), ("max_position_embeddings", "131072"), ("rms_norm_eps", "1.5625e-7"),
            ("rope_theta", "10000.0"), ("partial_rotary_factor", "0.5")]),
        ["glm4_moe"] = new("glm4_moe/configuration_glm4_moe.py", [
            ("vocab_size", "151552"), ("num_key_value_heads", "8"), ("max_position_embeddings", "131072"), ("rms_norm_eps", "1e-5"), ("rope_theta", "10000.0"),
            ("partial_rotary_factor", "0.5"), ("moe_intermediate_size", "1408"), ("num_experts_per_tok", "8"), ("n_shared_experts", "1"), ("n_routed_experts", "128"),
            ("routed_scaling_factor", "1.0"), ("n_group", "1"), ("topk_group", "1"), ("first_k_dense_replace", "1"), ("norm_topk_prob", "true")]),
        ["nemotron"] = new("nemotron/configuration_nemotron.py", [
            ("vocab_size", "256000"), ("max_position_embeddings", "4096"), ("norm_eps", "1e-5"), ("rope_theta", "10000.0"), ("partial_rotary_factor", "0.5"),
            ("head_dim", HeadLength)]),
        ["stablelm"] = new("stablelm/configuration_stablelm.py", [
            ("vocab_size", "50304"), ("num_key_value_heads", "32"), ("max_position_embeddings", "4096"), ("layer_norm_eps", "1e-5"), ("rope_theta", "10000.0"),
            ("partial_rotary_factor", "0.25"), ("use_parallel_residual", "false")]),
        ["olmo2"] = new("olmo2/configuration_olmo2.py", [
            ("vocab_size", "50304"), ("max_position_embeddings", "2048"), ("rms_norm_eps", "1e-5"), ("rope_theta", "10000.0"), ("num_key_value_heads", Heads)]),
        ["olmoe"] = new("olmoe/configuration_olmoe.py", [
            ("vocab_size", "50304"), ("max_position_embeddings", "4096"), ("rms_norm_eps", "1e-5"), ("rope_theta", "10000.0"), ("num_experts_per_tok", "8"),
            ("num_experts", "64"), ("num_key_value_heads", Heads)]),
        ["lfm2"] = new("lfm2/configuration_lfm2.py", [
            ("intermediate_size", "=block_ff_dim"), ("intermediate_size", "12288"), ("vocab_size", "65536"), ("num_key_value_heads", "8"), ("max_position_embeddings", "128000"), ("norm_eps", "1e-5"), ("rope_theta", "1000000.0"),
            ("conv_L_cache", "3"), ("block_multiple_of", "256"), ("block_ffn_dim_multiplier", "1.0"), ("block_auto_adjust_ff_dim", "true")]),
        ["olmo"] = new("olmo/configuration_olmo.py", [
            ("vocab_size", "50304"), ("max_position_embeddings", "2048"), ("rope_theta", "10000.0"), ("num_key_value_heads", Heads)]),
        ["olmo3"] = new("olmo3/configuration_olmo3.py", [
            ("vocab_size", "50304"), ("max_position_embeddings", "2048"), ("rms_norm_eps", "1e-5"), ("rope_theta", "10000.0"), ("sliding_window", "4096"),
            ("num_key_value_heads", Heads)]),
        ["arcee"] = new("arcee/configuration_arcee.py", [
            ("vocab_size", "32000"), ("max_position_embeddings", "4096"), ("rms_norm_eps", "1e-5"), ("rope_theta", "10000.0"),
            ("num_key_value_heads", Heads), ("head_dim", HeadLength)]),
        ["seed_oss"] = new("seed_oss/configuration_seed_oss.py", [
            ("vocab_size", "155136"), ("num_key_value_heads", "8"), ("head_dim", "128"), ("max_position_embeddings", "524288"), ("rms_norm_eps", "1e-6"),
            ("rope_theta", "10000.0")]),
        ["exaone4"] = new("exaone4/configuration_exaone4.py", [
            ("vocab_size", "102400"), ("num_key_value_heads", "32"), ("max_position_embeddings", "2048"), ("rms_norm_eps", "1e-5"), ("rope_theta", "10000.0"),
            ("sliding_window", "4096"), ("sliding_window_pattern", "4")]),
        ["dots1"] = new("dots1/configuration_dots1.py", [
            ("vocab_size", "152064"), ("num_key_value_heads", "32"), ("max_position_embeddings", "2048"), ("rms_norm_eps", "1e-6"), ("rope_theta", "10000.0"),
            ("n_group", "1"), ("topk_group", "1"), ("first_k_dense_replace", "0"), ("moe_intermediate_size", "1408"), ("routed_scaling_factor", "1.0"),
            ("norm_topk_prob", "false")]),
        ["starcoder2"] = new("starcoder2/configuration_starcoder2.py", [
            ("vocab_size", "49152"), ("num_key_value_heads", "2"), ("max_position_embeddings", "4096"), ("norm_epsilon", "1e-5"), ("rope_theta", "10000.0")]),
        ["gpt_neox"] = new("gpt_neox/configuration_gpt_neox.py", [
            ("vocab_size", "50432"), ("intermediate_size", "24576"), ("max_position_embeddings", "2048"), ("layer_norm_eps", "1e-5"), ("rotary_pct", "0.25"),
            ("use_parallel_residual", "true")]),
        ["gpt2"] = new("gpt2/configuration_gpt2.py", [("vocab_size", "50257"), ("layer_norm_epsilon", "1e-5")]),
        ["llama4_text"] = new("llama4/configuration_llama4.py", [
            ("vocab_size", "202048"), ("intermediate_size", "8192"), ("intermediate_size_mlp", "16384"), ("num_key_value_heads", "8"), ("head_dim", "128"),
            ("max_position_embeddings", "131072"), ("rms_norm_eps", "1e-5"), ("rope_theta", "500000.0"), ("num_experts_per_tok", "1"), ("num_local_experts", "16"),
            ("interleave_moe_layer_step", "1")]),
        ["qwen2_vl_text"] = new("qwen2_vl/configuration_qwen2_vl.py", s_qwenVision),
        ["qwen2_5_vl_text"] = new("qwen2_5_vl/configuration_qwen2_5_vl.py", s_qwenVision),
        ["qwen3_vl_text"] = new("qwen3_vl/configuration_qwen3_vl.py", [
            ("vocab_size", "151936"), ("num_key_value_heads", "32"), ("head_dim", "128"), ("max_position_embeddings", "128000"), ("rms_norm_eps", "1e-6"),
            ("rope_theta", "5000000.0")]),
        ["qwen3_vl_moe_text"] = new("qwen3_vl_moe/configuration_qwen3_vl_moe.py", [
            ("vocab_size", "151936"), ("num_key_value_heads", "16"), ("max_position_embeddings", "128000"), ("rms_norm_eps", "1e-6"), ("rope_theta", "5000000.0"),
            ("moe_intermediate_size", "1408"), ("num_experts_per_tok", "4"), ("num_experts", "60"), ("head_dim", HeadLength)]),
        ["glm4v_text"] = new("glm4v/configuration_glm4v.py", [
            ("vocab_size", "151552"), ("num_key_value_heads", "2"), ("max_position_embeddings", "32768"), ("rms_norm_eps", "1e-5"), ("rope_theta", "10000.0")]),
        ["glm4v_moe_text"] = new("glm4v_moe/configuration_glm4v_moe.py", [
            ("vocab_size", "151424"), ("num_key_value_heads", "8"), ("max_position_embeddings", "65536"), ("rms_norm_eps", "1e-5"), ("rope_theta", "10000.0"),
            ("partial_rotary_factor", "0.5"), ("moe_intermediate_size", "1408"), ("num_experts_per_tok", "8"), ("n_shared_experts", "1"), ("n_routed_experts", "128"),
            ("routed_scaling_factor", "1.0"), ("n_group", "1"), ("topk_group", "1"), ("first_k_dense_replace", "1"), ("norm_topk_prob", "true")]),
        ["qwen2_5_omni_text"] = new("qwen2_5_omni/configuration_qwen2_5_omni.py", [
            ("vocab_size", "152064"), ("num_key_value_heads", "4"), ("max_position_embeddings", "32768"), ("rms_norm_eps", "1e-6"), ("rope_theta", "1000000.0")]),
        // Not the defaults of its text part, which is a Llama.
        ["voxtral"] = new("voxtral/configuration_voxtral.py", [
            ("vocab_size", "131072"), ("num_key_value_heads", "8"), ("head_dim", "128"), ("max_position_embeddings", "131072"), ("rms_norm_eps", "1e-5"),
            ("rope_theta", "100000000.0")]),
        ["apertus"] = new("apertus/configuration_apertus.py", [
            ("vocab_size", "131072"), ("max_position_embeddings", "65536"), ("rms_norm_eps", "1e-5"), ("rope_theta", "12000000.0"), ("num_key_value_heads", Heads),
            ("rope_scaling", """{"rope_type":"llama3","factor":8.0,"original_max_position_embeddings":8192,"low_freq_factor":1.0,"high_freq_factor":4.0}""")]),
        ["distilbert"] = new("distilbert/configuration_distilbert.py", [("vocab_size", "30522"), ("max_position_embeddings", "512"), ("pad_token_id", "0")]),
        ["modernbert"] = new("modernbert/configuration_modernbert.py", [
            ("vocab_size", "50368"), ("max_position_embeddings", "8192"), ("norm_eps", "1e-5"), ("global_rope_theta", "160000.0"), ("local_rope_theta", "10000.0"),
            ("local_attention", "128"), ("global_attn_every_n_layers", "3"), ("hidden_activation", "\"gelu\"")]),
        ["hunyuan_v1_dense"] = new("hunyuan_v1_dense/configuration_hunyuan_v1_dense.py", [
            ("vocab_size", "290943"), ("max_position_embeddings", "2048"), ("rms_norm_eps", "1e-5"), ("rope_theta", "10000.0"), ("num_key_value_heads", Heads)]),
        ["ernie4_5"] = new("ernie4_5/configuration_ernie4_5.py", [
            ("vocab_size", "103424"), ("num_key_value_heads", "2"), ("head_dim", "128"), ("max_position_embeddings", "131072"), ("rms_norm_eps", "1e-5"),
            ("rope_theta", "500000.0")]),
        ["ernie4_5_moe"] = new("ernie4_5_moe/configuration_ernie4_5_moe.py", [
            ("vocab_size", "103424"), ("num_key_value_heads", "4"), ("max_position_embeddings", "131072"), ("rms_norm_eps", "1e-5"), ("rope_theta", "500000.0"),
            ("moe_num_experts", "64"), ("moe_k", "6"), ("moe_layer_interval", "1"), ("moe_layer_start_index", "1"), ("moe_intermediate_size", "1536"),
            ("moe_num_shared_experts", "2")]),
        ["glm"] = new("glm/configuration_glm.py", [("vocab_size", "151552"), ("num_key_value_heads", "2"), ("partial_rotary_factor", "0.5")]),
        ["bert"] = new("bert/configuration_bert.py", [.. s_bert, ("vocab_size", "30522"), ("pad_token_id", "0")]),
        ["roberta"] = new("roberta/configuration_roberta.py", [.. s_bert, ("vocab_size", "50265"), ("pad_token_id", "1")]),
        ["xlm-roberta"] = new("xlm_roberta/configuration_xlm_roberta.py", [.. s_bert, ("vocab_size", "30522"), ("pad_token_id", "1")]),
        ["camembert"] = new("camembert/configuration_camembert.py", [.. s_bert, ("vocab_size", "30522"), ("pad_token_id", "1")]),
    };

    // The multimodal types, with the default types of their text parts.
    private static readonly Dictionary<string, string> s_textTypes = new(StringComparer.Ordinal)
    {
        ["gemma3"] = "gemma3_text",
        ["glm4v"] = "glm4v_text",
        ["glm4v_moe"] = "glm4v_moe_text",
        ["llama4"] = "llama4_text",
        ["llava"] = "llama",
        ["mistral3"] = "mistral",
        ["qwen2_5_omni"] = "qwen2_5_omni_text",
        ["qwen2_audio"] = "qwen2",
        ["qwen2_vl"] = "qwen2_vl_text",
        ["qwen2_5_vl"] = "qwen2_5_vl_text",
        ["qwen3_vl"] = "qwen3_vl_text",
        ["qwen3_vl_moe"] = "qwen3_vl_moe_text",
    };

    /// <summary>The model types with defaults.</summary>
    internal static IEnumerable<string> ModelTypes => s_byType.Keys;

    /// <summary>A configuration with defaults filled in.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="filled">Gets a line for each value that was filled in.</param>
    internal static ModelConfig Fill(ModelConfig config, List<string> filled)
    {
        string type = TypeOf(config);
        if (!s_byType.TryGetValue(type, out Defaults? defaults) || IsRejected(type, config))
            return config;
        JsonElement given = config.Text ?? config.Root;
        void Set(string key, string json)
        {
            config = config.With(key, json);
            filled.Add($"{key} = {json} (transformers, {defaults.File})");
        }

        HashSet<string> done = [];
        foreach ((string key, string value) in defaults.Values)
        {
            bool isComputed = value[0] == '=';
            // A null is kept, unless the class computes the value.
            if (done.Contains(key) || (given.TryGetProperty(key, out JsonElement own) && !(isComputed && own.ValueKind == JsonValueKind.Null)))
                continue;
            if ((isComputed ? Compute(config, value[1..].Split('/')) : value) is not { } json)
                continue;
            done.Add(key);
            Set(key, json);
        }
        // This class accepts eod_token_id but does not store it.
        if (type == "hunyuan_v1_dense")
            config = config.With("eod_token_id", "null");
        if (!given.TryGetProperty("layer_types", out _) && LayerTypes(type, config) is { } types)
            Set("layer_types", $"[{string.Join(',', types.Select(layer => $"\"{layer}\""))}]");
        return config;
    }

    // transformers reads nothing of a multimodal type that it does not know, not even the text part.
    private static string TypeOf(ModelConfig config)
    {
        string root = config.Root.TryGetProperty(ModelTypeKey, out JsonElement type) && type.ValueKind == JsonValueKind.String ? type.GetString()! : "";
        if (!s_textTypes.TryGetValue(root, out string? textType))
            return config.Text is null || root == "voxtral" ? root : "";
        return config.Text is { } text && text.TryGetProperty(ModelTypeKey, out JsonElement own) && own.ValueKind == JsonValueKind.String ? own.GetString()! : textType;
    }

    // If a class raises an error, the converter uses config.json as it is.
    private static bool IsRejected(string type, ModelConfig config) => type switch
    {
        "phi3" => config.Find("rope_scaling") is { } scaling && !HasFields(scaling, "type", "short_factor", "long_factor"),
        "phimoe" => config.Find("rope_scaling") is { ValueKind: JsonValueKind.Object } scaling && !(IsNumber(scaling, "short_mscale") && IsNumber(scaling, "long_mscale")),
        "exaone4" => config.Find("layer_types") is null
            && ((config.Contains("sliding_window") && config.Find("sliding_window") is null)
                || (config.Contains("sliding_window_pattern") && config.FindInt64("sliding_window_pattern") is not > 0)),
        _ => false,
    };

    private static bool IsNumber(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number;

    private static bool HasFields(JsonElement element, params ReadOnlySpan<string> names)
    {
        if (element.ValueKind != JsonValueKind.Object || element.EnumerateObject().Count() != names.Length)
            return false;
        foreach (string name in names)
        {
            if (!element.TryGetProperty(name, out _))
                return false;
        }
        return true;
    }

    private static IEnumerable<string>? LayerTypes(string type, ModelConfig config)
    {
        if (config.FindInt64("num_hidden_layers") is not { } layers || layers is < 0 or > ConversionContext.MaxLayers)
            return null;
        return type switch
        {
            // The first models list only the layers with attention.
            "lfm2" => Types(layers, Indices(config.Find("full_attn_idxs")) is { } full ? full.Contains : _ => true, "full_attention", "conv"),
            "olmo3" => Types(layers, layer => (layer + 1) % 4 != 0, "sliding_attention", "full_attention"),
            "exaone4" when config.FindInt64("sliding_window_pattern") is > 0 and var every =>
                Types(layers, layer => (layer + 1) % every != 0, "sliding_attention", "full_attention"),
            "llama4_text" when Numbers(config.Find("no_rope_layers")) is { Length: > 0 } rotates => rotates.Select(isRotated => isRotated == 0 ? "full_attention" : "chunked_attention"),
            "llama4_text" => Types(layers, layer => (layer + 1) % (config.FindInt64("no_rope_layer_interval") is > 0 and var every ? every : 4) != 0, "chunked_attention", "full_attention"),
            _ => null,
        };
    }

    private static IEnumerable<string> Types(long layers, Func<long, bool> isFirst, string first, string second) =>
        Enumerable.Range(0, (int)layers).Select(layer => isFirst(layer) ? first : second);

    private static HashSet<long>? Indices(JsonElement? list) => Numbers(list) is { } numbers ? [.. numbers] : null;

    private static long[]? Numbers(JsonElement? list) => list is { ValueKind: JsonValueKind.Array } given
        ? [.. given.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out long number) ? number : -1)]
        : null;

    // The first value, divided by the second if there is one; null if a value is missing.
    private static string? Compute(ModelConfig config, string[] names)
    {
        if (config.FindInt64(names[0]) is not { } value)
            return null;
        if (names.Length == 1)
            return value.ToString(CultureInfo.InvariantCulture);
        return config.FindInt64(names[1]) is { } divisor and not 0 ? (value / divisor).ToString(CultureInfo.InvariantCulture) : null;
    }

    private sealed record Defaults(string File, (string Key, string Value)[] Values);
}

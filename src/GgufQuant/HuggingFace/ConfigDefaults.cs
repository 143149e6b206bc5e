using System.Globalization;
using System.Text.Json;
using GgufQuant.HuggingFace.Architectures;

namespace GgufQuant.HuggingFace;

/// <summary>What transformers fills in where config.json says nothing, as far as it becomes metadata.</summary>
/// <remarks>
/// convert_hf_to_gguf reads config.json through transformers' <c>AutoConfig</c>, whose classes have defaults. The values
/// are those of the files named beside them, below src/transformers/models. A model_type that is not here keeps
/// its config.json as it is, and so do values that nothing is computed from.
/// </remarks>
internal static class ConfigDefaults
{
    // The heads of the attention, for "as many".
    private const string Heads = "=num_attention_heads";
    private const string HeadLength = "=hidden_size/num_attention_heads";

    private static readonly Dictionary<string, Defaults> s_byType = new(StringComparer.Ordinal)
    {
        ["llama"] = new("llama/configuration_llama.py", [
            ("vocab_size", "32000"), ("max_position_embeddings", "2048"), ("rms_norm_eps", "1e-6"), ("rope_theta", "10000.0"),
            ("num_key_value_heads", Heads), ("head_dim", HeadLength)]),
        ["mistral"] = new("mistral/configuration_mistral.py", [
            ("vocab_size", "32000"), ("num_key_value_heads", "8"), ("max_position_embeddings", "131072"), ("rms_norm_eps", "1e-6"),
            ("rope_theta", "10000.0"), ("sliding_window", "4096"), ("head_dim", HeadLength)]),
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
        ["granite"] = new("granite/configuration_granite.py", [
            ("vocab_size", "32000"), ("max_position_embeddings", "2048"), ("rms_norm_eps", "1e-6"), ("rope_theta", "10000.0"), ("embedding_multiplier", "1.0"),
            ("logits_scaling", "1.0"), ("residual_multiplier", "1.0"), ("attention_multiplier", "1.0"), ("num_key_value_heads", Heads)]),
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
            ("rms_norm_eps", "1e-5"), ("rope_theta", "150000.0"), ("num_experts_per_tok", "4"), ("num_local_experts", "128")]),
        ["glm4"] = new("glm4/configuration_glm4.py", [
            ("vocab_size", "151552"), ("num_key_value_heads", "2"), ("head_dim", "128"), ("max_position_embeddings", "131072"), ("rms_norm_eps", "1.5625e-7"),
            ("rope_theta", "10000.0"), ("partial_rotary_factor", "0.5")]),
        ["glm4_moe"] = new("glm4_moe/configuration_glm4_moe.py", [
            ("vocab_size", "151552"), ("num_key_value_heads", "8"), ("max_position_embeddings", "131072"), ("rms_norm_eps", "1e-5"), ("rope_theta", "10000.0"),
            ("partial_rotary_factor", "0.5"), ("moe_intermediate_size", "1408"), ("num_experts_per_tok", "8"), ("n_shared_experts", "1"), ("n_routed_experts", "128"),
            ("routed_scaling_factor", "1.0"), ("n_group", "1"), ("topk_group", "1"), ("first_k_dense_replace", "1"), ("norm_topk_prob", "true")]),
        ["nemotron"] = new("nemotron/configuration_nemotron.py", [
            ("vocab_size", "256000"), ("max_position_embeddings", "4096"), ("norm_eps", "1e-5"), ("rope_theta", "10000.0"), ("partial_rotary_factor", "0.5"),
            ("num_key_value_heads", Heads), ("head_dim", HeadLength)]),
        ["stablelm"] = new("stablelm/configuration_stablelm.py", [
            ("vocab_size", "50304"), ("num_key_value_heads", "32"), ("max_position_embeddings", "4096"), ("layer_norm_eps", "1e-5"), ("rope_theta", "10000.0"),
            ("partial_rotary_factor", "0.25"), ("use_parallel_residual", "false")]),
        ["olmo2"] = new("olmo2/configuration_olmo2.py", [
            ("vocab_size", "50304"), ("max_position_embeddings", "2048"), ("rms_norm_eps", "1e-5"), ("rope_theta", "10000.0"), ("num_key_value_heads", Heads)]),
        ["olmoe"] = new("olmoe/configuration_olmoe.py", [
            ("vocab_size", "50304"), ("max_position_embeddings", "4096"), ("rms_norm_eps", "1e-5"), ("rope_theta", "10000.0"), ("num_experts_per_tok", "8"),
            ("num_experts", "64"), ("num_key_value_heads", Heads)]),
        ["lfm2"] = new("lfm2/configuration_lfm2.py", [
            ("intermediate_size", "=block_ff_dim"), ("vocab_size", "65536"), ("num_key_value_heads", "8"), ("max_position_embeddings", "128000"), ("norm_eps", "1e-5"), ("rope_theta", "1000000.0"),
            ("conv_L_cache", "3"), ("block_multiple_of", "256"), ("block_ffn_dim_multiplier", "1.0"), ("block_auto_adjust_ff_dim", "true")]),
        ["bert"] = new("bert/configuration_bert.py", [
            ("vocab_size", "30522"), ("max_position_embeddings", "512"), ("layer_norm_eps", "1e-12"), ("type_vocab_size", "2"), ("pad_token_id", "0")]),
    };

    // The text part of a multimodal model need not name its own type.
    private static readonly Dictionary<string, string> s_textTypes = new(StringComparer.Ordinal) { ["gemma3"] = "gemma3_text" };

    /// <summary>The types that have defaults.</summary>
    internal static IEnumerable<string> ModelTypes => s_byType.Keys;

    /// <summary>A configuration with defaults filled in.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="filled">Gets a line for each value that was filled in.</param>
    internal static ModelConfig Fill(ModelConfig config, List<string> filled)
    {
        if (!s_byType.TryGetValue(s_textTypes.GetValueOrDefault(config.ModelType, config.ModelType), out Defaults? defaults))
            return config;
        JsonElement given = config.Text ?? config.Root;
        foreach ((string key, string value) in defaults.Values)
        {
            bool isComputed = value[0] == '=';
            // A null is kept, except where the class computes what it is.
            if (given.TryGetProperty(key, out JsonElement own) && !(isComputed && own.ValueKind == JsonValueKind.Null))
                continue;
            if ((isComputed ? Compute(config, value[1..].Split('/')) : value) is not { } json)
                continue;
            config = config.With(key, json);
            filled.Add($"{key} = {json} (transformers, {defaults.File})");
        }
        if (config.ModelType == "lfm2" && !given.TryGetProperty("layer_types", out _) && LayerTypesOfLfm2(config) is { } types)
        {
            config = config.With("layer_types", types);
            filled.Add($"layer_types = {types} (transformers, {defaults.File})");
        }
        return config;
    }

    // The first LFM2 models name only the layers that have attention.
    private static string? LayerTypesOfLfm2(ModelConfig config)
    {
        if (config.FindInt64("num_hidden_layers") is not { } layers || layers is < 0 or > ConversionContext.MaxLayers
            || config.Find("full_attn_idxs") is not { ValueKind: JsonValueKind.Array } indices)
            return null;
        HashSet<long> full = [.. indices.EnumerateArray().Select(index => index.ValueKind == JsonValueKind.Number && index.TryGetInt64(out long layer) ? layer : -1)];
        return $"[{string.Join(',', Enumerable.Range(0, (int)layers).Select(layer => full.Contains(layer) ? "\"full_attention\"" : "\"conv\""))}]";
    }

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

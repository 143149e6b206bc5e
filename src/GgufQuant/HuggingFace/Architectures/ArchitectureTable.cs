using System.Collections.Frozen;
using GgufQuant.HuggingFace.Vocabulary;
using static GgufQuant.HuggingFace.Architectures.BertRules;
using static GgufQuant.HuggingFace.Architectures.Gemma3Rules;
using static GgufQuant.HuggingFace.Architectures.KeyRules;
using static GgufQuant.HuggingFace.Architectures.SlidingWindowRules;
using static GgufQuant.HuggingFace.Architectures.TensorRules;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>The architectures that can be converted, most used first.</summary>
/// <remarks>
/// The model classes of convert_hf_to_gguf's <c>conversion</c> folder, as of 2026-08-21. An architecture whose tensors are
/// written as they are is one row here; code that rearranges tensors is in <see cref="TensorRules"/> and
/// the classes for model families beside it.
/// </remarks>
internal static class ArchitectureTable
{
    private static readonly string[] s_embeddings = ["token_embd", "output", "output_norm"];
    private static readonly string[] s_attention = ["attn_norm", "attn_q", "attn_k", "attn_v", "attn_output"];
    private static readonly string[] s_headNorms = ["attn_q_norm", "attn_k_norm"];
    private static readonly string[] s_feedForward = ["ffn_gate", "ffn_up", "ffn_down"];
    private static readonly string[] s_experts = ["ffn_gate_inp", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"];
    private static readonly string[] s_sharedExperts = ["ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp"];
    private static readonly string[] s_mamba2 = ["ssm_in", "ssm_conv1d", "ssm_dt", "ssm_a", "ssm_d", "ssm_norm", "ssm_out"];
    private static readonly string[] s_nextTokens =
        ["nextn.eh_proj", "nextn.enorm", "nextn.hnorm", "nextn.embed_tokens", "nextn.shared_head_head", "nextn.shared_head_norm"];

    private static readonly string[] s_dense = [.. s_embeddings, .. s_attention, "ffn_norm", .. s_feedForward];
    private static readonly string[] s_llama = [.. s_dense, "rope_freqs", .. s_experts];
    private static readonly string[] s_gemma3 = [.. s_embeddings, .. s_attention, .. s_headNorms, "post_attention_norm", "ffn_pre_norm", .. s_feedForward, "post_ffw_norm"];
    private static readonly string[] s_qwenMoe = [.. s_embeddings, .. s_attention, "ffn_norm", .. s_experts];
    private static readonly string[] s_qwenLinear =
        [.. s_embeddings, .. s_attention, .. s_headNorms, "post_attention_norm", "attn_gate", "attn_qkv", "ssm_a", "ssm_conv1d", "ssm_dt", "ssm_norm", "ssm_out", .. s_nextTokens];
    private static readonly string[] s_bert =
    [
        "token_embd", "token_embd_norm", "token_types", "position_embd", "output_norm", "attn_output_norm",
        "attn_qkv", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_down", "layer_output_norm", "cls", "cls_output",
    ];

    private static readonly KeyRule[] s_llamaKeys = [Base, UInt32("vocab_size", "vocab_size"), RopeDimensionCount];
    private static readonly KeyRule[] s_moeKeys =
    [
        Base,
        OptionalUInt32("expert_feed_forward_length", "moe_intermediate_size"),
        OptionalUInt32("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
    ];

    private static readonly KeyRule[] s_gemma3Keys =
    [
        Base,
        UInt32Or("context_length", 131072, "max_position_embeddings"),
        UInt32Or("attention.head_count", 8, "num_attention_heads"),
        Float32Or("attention.layer_norm_rms_epsilon", 1e-6, "rms_norm_eps"),
        UInt32Or("attention.key_length", 256, "head_dim"),
        UInt32Or("attention.value_length", 256, "head_dim"),
        keys => keys.AddFloat32("rope.freq_base", keys.Context.Rope.NumberOfFull("rope_theta", 1e6)),
        NonZeroFloat32("final_logit_softcapping", "final_logit_softcapping"),
        keys =>
        {
            if (keys.Config.FindInt64("sliding_window_pattern") != 1)
                keys.AddUInt32("attention.sliding_window", keys.Context.Integer("sliding_window"));
        },
        UInt32Or("attention.head_count_kv", 4, "num_key_value_heads"),
    ];

    private static readonly KeyRule[] s_gemmaKeys =
    [
        UInt32("context_length", "max_position_embeddings"),
        UInt32("embedding_length", "hidden_size"),
        BlockCount,
        UInt32("feed_forward_length", "intermediate_size"),
        UInt32("attention.head_count", "num_attention_heads"),
        UInt32("attention.head_count_kv", context => context.KeyValueHeads),
        Float32("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
        UInt32("attention.key_length", "head_dim"),
        UInt32("attention.value_length", "head_dim"),
        KeyRules.FileType,
    ];

    private static readonly KeyRule[] s_graniteKeys =
    [
        .. s_llamaKeys,
        NonZeroFloat32("attention.scale", "attention_multiplier"),
        NonZeroFloat32("embedding_scale", "embedding_multiplier"),
        NonZeroFloat32("residual_scale", "residual_multiplier"),
        NonZeroFloat32("logit_scale", "logits_scaling"),
    ];

    private static readonly KeyRule[] s_deepseekKeys =
    [
        Base,
        UInt32("leading_dense_block_count", context => context.Config.FindInt64("first_k_dense_replace")
            ?? (context.Config.Find("n_routed_experts") is null ? context.HiddenLayers : 0)),
        UInt32("vocab_size", "vocab_size"),
        OptionalUInt32("attention.q_lora_rank", "q_lora_rank"),
        UInt32Or("attention.kv_lora_rank", 512, "kv_lora_rank"),
        UInt32("attention.key_length", context => (context.Config.FindInt64("kv_lora_rank") ?? 512) + context.Integer("qk_rope_head_dim")),
        UInt32Or("attention.value_length", 512, "kv_lora_rank"),
        UInt32("attention.key_length_mla", context => context.Integer("qk_nope_head_dim") + context.Integer("qk_rope_head_dim")),
        UInt32("attention.value_length_mla", "v_head_dim"),
        UInt32("expert_feed_forward_length", "moe_intermediate_size", "intermediate_size"),
        OptionalUInt32("expert_count", "n_routed_experts"),
        UInt32Or("expert_shared_count", 0, "n_shared_experts"),
        OptionalFloat32("expert_weights_scale", "routed_scaling_factor"),
        IfTrue("expert_weights_norm", "norm_topk_prob"),
        UInt32("rope.dimension_count", "qk_rope_head_dim"),
        keys =>
        {
            if (keys.Context.Rope.Find("mscale_all_dim") is { } scale)
                keys.AddFloat32("rope.scaling.yarn_log_multiplier", 0.1 * keys.Context.ToDouble(scale, "mscale_all_dim"));
        },
    ];

    private static readonly KeyRule[] s_linearAttentionKeys =
    [
        UInt32("ssm.conv_kernel", "linear_conv_kernel_dim"),
        UInt32("ssm.state_size", "linear_key_head_dim"),
        UInt32("ssm.group_count", "linear_num_key_heads"),
        UInt32("ssm.time_step_rank", "linear_num_value_heads"),
        UInt32("ssm.inner_size", context => context.Integer("linear_value_head_dim") * context.Integer("linear_num_value_heads")),
        UInt32Or("full_attention_interval", 4, "full_attention_interval"),
        RopeDimensionCountOf(0.25),
    ];

    private static readonly KeyRule s_nextTokenLayers = keys =>
    {
        if (keys.Context.BlockCount > keys.Context.HiddenLayers)
            keys.AddUInt32("nextn_predict_layers", keys.Context.BlockCount - keys.Context.HiddenLayers);
    };

    private static readonly TensorRule[] s_llamaRules = [PermuteQueryAndKey, StackMixtralExperts];
    private static readonly TensorRule[] s_moeRules =
    [
        Rename("*mlp.experts.down_proj", "mlp.experts.down_proj", "mlp.experts.down_proj.weight"),
        Rename("*mlp.experts.gate_up_proj", "mlp.experts.gate_up_proj", "mlp.experts.gate_up_proj.weight"),
        SplitRows("mlp.experts.gate_up_proj.weight", "mlp.experts.gate_proj.weight", "mlp.experts.up_proj.weight"),
        StackMlpExperts,
    ];

    private static readonly string[] s_mistral3Classes = ["Ministral3ForCausalLM", "Mistral3ForConditionalGeneration"];

    private static readonly NameRule s_withoutOutput = (_, name) => name == "lm_head.weight" ? null : name;

    private static readonly NameRule[] s_bertNames =
    [
        (_, name) => WithoutPrefix(name, "bert."),
        (_, name) => name.EndsWith(".gamma", StringComparison.Ordinal) ? $"{name[..^6]}.weight" : name.EndsWith(".beta", StringComparison.Ordinal) ? $"{name[..^5]}.bias" : name,
        (_, name) => IsMatch(name, "embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias", "cls.predictions*", "cls.seq_relationship*") ? null : name,
    ];

    private static readonly KeyRule[] s_bertKeys = [Base, Constant("attention.causal", false), Pooling, AddLabels];

    private static readonly Architecture s_glm4Moe = new()
    {
        Name = "glm4moe",
        Classes = ["Glm4MoeForCausalLM", "Glm4vMoeForConditionalGeneration"],
        Vocabulary = VocabularyKind.Glm4Moe,
        Tensors = [.. s_embeddings, .. s_attention, .. s_headNorms, "post_attention_norm", .. s_feedForward, .. s_experts, .. s_sharedExperts, "exp_probs_b", .. s_nextTokens],
        Keys =
        [
            Base,
            RopeDimensionCountOf(0.5),
            OptionalUInt32("expert_count", "n_routed_experts"),
            OptionalUInt32("expert_feed_forward_length", "moe_intermediate_size"),
            OptionalUInt32("expert_shared_count", "n_shared_experts"),
            OptionalUInt32("leading_dense_block_count", "first_k_dense_replace"),
            Constant("expert_gating_func", 2u),
            OptionalFloat32("expert_weights_scale", "routed_scaling_factor"),
            OptionalBoolean("expert_weights_norm", "norm_topk_prob"),
            OptionalUInt32("nextn_predict_layers", "num_nextn_predict_layers"),
        ],
        Rules = [StackMlpExperts],
        ExtraBlocks = NextTokenBlocks,
    };

    /// <summary>The rows.</summary>
    internal static IReadOnlyList<Architecture> Rows { get; } =
    [
        new()
        {
            Name = "llama",
            Classes = ["LlamaForCausalLM", "LLaMAForCausalLM", "MistralForCausalLM", "MixtralForCausalLM", "IQuestCoderForCausalLM", "VLlama3ForCausalLM", "LlavaForConditionalGeneration", "VoxtralForConditionalGeneration", "LlamaModel"],
            Vocabulary = VocabularyKind.Llama,
            Tensors = s_llama,
            // SmolVLM2's configuration lacks the number of heads.
            Prepare = config => config.Architecture == "VLlama3ForCausalLM" && !config.Contains("num_attention_heads") ? config.With("num_attention_heads", "32") : config,
            Keys = s_llamaKeys,
            Names = [(_, name) => name.Replace("text_model.", "", StringComparison.Ordinal), PrefixedFor("LlamaModel")],
            Rules = s_llamaRules,
            Extra = RopeFactors.OfLlama3,
        },
        new()
        {
            Name = "llama-embed",
            Classes = ["LlamaBidirectionalModel"],
            Vocabulary = VocabularyKind.Llama,
            Tensors = s_llama,
            Keys = s_llamaKeys,
            Rules = s_llamaRules,
            Extra = RopeFactors.OfLlama3,
        },
        new()
        {
            Name = "llama4",
            Classes = ["Llama4ForConditionalGeneration", "Llama4ForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_llama, .. s_sharedExperts],
            // The configuration stores the experts' length under the name that others use for the dense layers.
            Prepare = config => config.Find("intermediate_size") is { } ofExperts && config.Find("intermediate_size_mlp") is { } dense
                ? config.With([new("intermediate_size_moe", ofExperts), new("intermediate_size", dense)])
                : throw new ModelFolderException(config.Path, "'intermediate_size' or 'intermediate_size_mlp' is missing"),
            Keys =
            [
                .. s_llamaKeys,
                UInt32("interleave_moe_layer_step", "interleave_moe_layer_step"),
                UInt32("expert_feed_forward_length", "intermediate_size_moe"),
                WindowOfLlama4,
            ],
            Names = [(_, name) => name.Replace("text_model.", "", StringComparison.Ordinal)],
            Rules =
            [
                Values(["*.experts.gate_up_proj", "*.experts.down_proj"], (_, values) => values.Transpose()),
                Rename("*.experts.down_proj", ".experts.down_proj", ".experts.down_proj.weight"),
                SplitRows("gate_up_proj", "gate_proj.weight", "up_proj.weight"),
            ],
            Extra = RopeFactors.OfLlama3,
        },
        new()
        {
            Name = "qwen2",
            Classes =
            [
                "Qwen2ForCausalLM", "Qwen2Model", "Qwen2AudioForConditionalGeneration", "AudioFlamingo3ForConditionalGeneration", "DotsOCRForCausalLM", "KORMoForCausalLM",
            ],
            Vocabulary = VocabularyKind.SentencePieceOrGpt2,
            Tensors = [.. s_dense, "rope_freqs"],
            Keys = [Base, Pooling],
            Names = [PrefixedFor("Qwen2Model")],
        },
        new()
        {
            Name = "qwen3",
            Classes = ["Qwen3ForCausalLM", "Qwen3Model"],
            Vocabulary = VocabularyKind.SentencePieceOrGpt2,
            Tensors = [.. s_dense, .. s_headNorms, "cls_output"],
            Keys = [Base, Pooling, RerankerRules.Keys],
            Names = [PrefixedFor("Qwen3Model")],
            Rules = [RerankerRules.Classifier],
        },
        new()
        {
            Name = "qwen2moe",
            Classes = ["Qwen2MoeForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_qwenMoe, "ffn_gate_inp_shexp", .. s_sharedExperts],
            Keys = s_moeKeys,
            Rules = s_moeRules,
        },
        new()
        {
            Name = "qwen3moe",
            Classes = ["Qwen3MoeForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_qwenMoe, .. s_headNorms],
            Keys = s_moeKeys,
            Rules = s_moeRules,
        },
        new()
        {
            Name = "gemma3",
            Classes = ["Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"],
            Vocabulary = VocabularyKind.Gemma3,
            Tensors = s_gemma3,
            Keys = s_gemma3Keys,
            Rules = [CutEmbeddings, AddOneToNorms()],
        },
        new()
        {
            Name = "gemma-embedding",
            Classes = ["Gemma3TextModel"],
            Vocabulary = VocabularyKind.Gemma3,
            Tensors = s_gemma3,
            Keys = [.. s_gemma3Keys, UInt32("attention.sliding_window", "sliding_window"), Pooling],
            Names = [PrefixedFor("Gemma3TextModel")],
            Rules = [CutEmbeddings, AddOneToNorms()],
        },
        new()
        {
            Name = "gemma2",
            Classes = ["Gemma2ForCausalLM"],
            Vocabulary = VocabularyKind.Gemma2,
            Tensors = ["token_embd", "output_norm", .. s_attention, "post_attention_norm", "ffn_pre_norm", .. s_feedForward, "post_ffw_norm"],
            Keys =
            [
                .. s_gemmaKeys,
                Float32("attn_logit_softcapping", "attn_logit_softcapping"),
                Float32("final_logit_softcapping", "final_logit_softcapping"),
                UInt32("attention.sliding_window", "sliding_window"),
            ],
            Names = [s_withoutOutput],
            Rules = [AddOneToNorms()],
        },
        new()
        {
            Name = "gemma",
            Classes = ["GemmaForCausalLM"],
            Vocabulary = VocabularyKind.Gemma,
            Tensors = ["token_embd", "output_norm", .. s_attention, "ffn_norm", .. s_feedForward],
            Keys = s_gemmaKeys,
            Names = [s_withoutOutput],
            Rules = [AddOneToNorms()],
        },
        new()
        {
            Name = "gemma4",
            Classes = ["Gemma4ForConditionalGeneration", "Gemma4ForCausalLM", "Gemma4UnifiedForConditionalGeneration"],
            Vocabulary = VocabularyKind.Gemma4,
            Tensors =
            [
                .. s_gemma3, "rope_freqs", "ffn_gate_up_exps", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps", "ffn_gate_inp", "pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2", "layer_output_scale",
                "per_layer_token_embd", "per_layer_model_proj", "per_layer_proj_norm", "inp_gate", "proj", "post_norm",
            ],
            Keys =
            [
                .. s_gemma3Keys, .. Gemma4Rules.Keys,
                keys =>
                {
                    if (keys.Config.Architecture == "Gemma4UnifiedForConditionalGeneration")
                        Gemma4Rules.SuppressedTokens(keys);
                },
            ],
            Names =
            [
                (_, name) => IsMatch(name, "*per_dim_scale", "*layer_scalar") ? $"{name}.weight" : name,
                (_, name) => IsMatch(name, "*.experts.*") && !IsMatch(name, "*.weight", "*.weight_scale", "*.weight_scale_2", "*.input_scale") ? $"{name}.weight" : name,
            ],
            Rules = [CutEmbeddings, Gemma4Rules.RenameScales],
            Extra = Gemma4Rules.RopeFrequencies,
        },
        new()
        {
            Name = "phi2",
            Classes = ["PhiForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_embeddings, .. s_attention, "attn_qkv", "ffn_norm", "ffn_up", "ffn_down"],
            Keys =
            [
                UInt32("context_length", "n_positions", "max_position_embeddings"),
                UInt32("embedding_length", "hidden_size", "n_embd"),
                UInt32("feed_forward_length", context => 4 * context.Integer("hidden_size", "n_embd")),
                BlockCount,
                UInt32("attention.head_count", "num_attention_heads", "n_head"),
                UInt32("attention.head_count_kv", "num_attention_heads", "n_head"),
                Float32("attention.layer_norm_epsilon", "layer_norm_epsilon", "layer_norm_eps"),
                UInt32("rope.dimension_count", context => (long)(context.Rope.Number("partial_rotary_factor", 0.5) * context.Integer("hidden_size", "n_embd")) / context.Integer("num_attention_heads", "n_head")),
                KeyRules.FileType,
                keys => keys.AddGeneral(TokenizerKeys.AddBos, false),
            ],
        },
        new()
        {
            Name = "phi3",
            Classes = ["Phi3ForCausalLM", "Phi4ForCausalLMV"],
            Vocabulary = VocabularyKind.Phi3,
            Tensors = [.. s_embeddings, "rope_factors_long", "rope_factors_short", .. s_attention, "attn_qkv", "ffn_norm", "ffn_up", "ffn_down"],
            Keys = RopeFactors.Phi3Keys,
            Extra = RopeFactors.OfPhi3,
        },
        new()
        {
            Name = "phimoe",
            Classes = ["PhiMoEForCausalLM"],
            Vocabulary = VocabularyKind.Phi3,
            Tensors = [.. s_embeddings, "rope_factors_long", "rope_factors_short", .. s_attention, "attn_qkv", "ffn_norm", .. s_experts],
            Keys = [.. RopeFactors.Phi3Keys, UInt32("expert_used_count", "num_experts_per_tok"), UInt32("expert_count", "num_local_experts")],
            Rules =
            [
                StackExperts("model.layers.{0}.block_sparse_moe.experts.{1}.{2}.weight", "model.layers.{0}.block_sparse_moe.experts.{2}.weight", "w1", "w2", "w3"),
            ],
            Extra = RopeFactors.OfPhi3,
        },
        new()
        {
            Name = "minicpm",
            Classes = ["MiniCPMForCausalLM"],
            Vocabulary = VocabularyKind.SentencePiece,
            Tensors = [.. s_llama, "rope_factors_long", "rope_factors_short"],
            Keys =
            [
                Base,
                Float32("embedding_scale", "scale_emb"),
                keys => keys.AddFloat32("residual_scale", keys.Context.Number("scale_depth") / Math.Sqrt(keys.Context.HiddenLayers)),
                keys => keys.AddFloat32("logit_scale", (double)keys.Context.Integer("hidden_size") / keys.Context.Integer("dim_model_base")),
            ],
            Rules = [PermuteQueryAndKey],
            Extra = RopeFactors.OfMiniCpm,
        },
        new()
        {
            Name = "gpt-oss",
            Classes = ["GptOssForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_embeddings, .. s_attention, "post_attention_norm", "attn_sinks", .. s_experts],
            Keys = [Base, UInt32("attention.sliding_window", "sliding_window"), UInt32("expert_feed_forward_length", "intermediate_size")],
            Names = [(_, name) => name.Contains("sinks", StringComparison.Ordinal) ? $"{name}.weight" : name],
            Rules = GptOssRules.All,
            Extra = GptOssRules.RepackedExperts,
        },
        new()
        {
            Name = "deepseek2",
            Classes = ["DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM", "KimiVLForConditionalGeneration", "KimiK25ForConditionalGeneration", "YoutuForCausalLM", "YoutuVLForConditionalGeneration"],
            Vocabulary = VocabularyKind.Deepseek,
            Tensors = DeepseekRules.Tensors,
            Keys = s_deepseekKeys,
            Prepare = DeepseekRules.Prepare,
            Rules = [Drop(DeepseekRules.IsTiedOutput), Drop((context, name) => IsBlockFrom(context.HiddenLayers, name)), StackMlpExperts, DeepseekRules.SplitKeysAndValues],
        },
        new()
        {
            Name = "deepseek2",
            Classes = ["Glm4MoeLiteForCausalLM"],
            Vocabulary = VocabularyKind.Glm4Moe,
            Tensors = [.. DeepseekRules.Tensors, .. s_nextTokens],
            Keys = [.. s_deepseekKeys, s_nextTokenLayers],
            Prepare = DeepseekRules.Prepare,
            Rules =
            [
                Drop(DeepseekRules.IsTiedOutput),
                Drop((context, name) => context.ExtraBlocks == 0 && IsBlockFrom(context.HiddenLayers, name)),
                StackMlpExperts,
                DeepseekRules.SplitKeysAndValues,
            ],
            ExtraBlocks = NextTokenBlocks,
        },
        s_glm4Moe,
        s_glm4Moe with { Classes = ["SolarOpenForCausalLM"], Vocabulary = VocabularyKind.SolarOpen },
        new()
        {
            Name = "glm4",
            Classes = ["Glm4ForCausalLM", "Glm4vForConditionalGeneration"],
            Vocabulary = VocabularyKind.Glm4,
            Tensors = [.. s_embeddings, "rope_freqs", .. s_attention, "attn_qkv", "ffn_norm", "ffn_up", "ffn_down", "post_attention_norm", "post_ffw_norm", .. s_nextTokens],
            Keys = [Base, RopeDimensionCountOf(0.5)],
            Rules = [DeinterleaveRotated],
        },
        new()
        {
            Name = "minimax-m2",
            Classes = ["MiniMaxM2ForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_qwenMoe, .. s_headNorms, "exp_probs_b"],
            Keys = [Base, UInt32("expert_feed_forward_length", "intermediate_size"), UInt32("rope.dimension_count", "rotary_dim")],
            Rules =
            [
                StackExperts("model.layers.{0}.block_sparse_moe.experts.{1}.{2}.weight", "model.layers.{0}.block_sparse_moe.experts.{2}.weight", "w1", "w2", "w3"),
            ],
        },
        new()
        {
            Name = "qwen2vl",
            Classes = ["Qwen2VLForConditionalGeneration", "Qwen2VLModel", "Qwen2_5_VLForConditionalGeneration", "Qwen2_5OmniModel"],
            Vocabulary = VocabularyKind.SentencePieceOrGpt2,
            Tensors = s_dense,
            Keys = [Base],
            Names = [(_, name) => name.StartsWith("thinker.", StringComparison.Ordinal) ? name.Replace("thinker.", "", StringComparison.Ordinal) : name],
        },
        new()
        {
            Name = "qwen3vl",
            Classes = ["Qwen3VLForConditionalGeneration"],
            Vocabulary = VocabularyKind.SentencePieceOrGpt2,
            Tensors = [.. s_dense, .. s_headNorms, "cls_output"],
            Keys = [Base, Pooling, RerankerRules.Keys, DeepstackLayers],
            Rules = [RerankerRules.Classifier],
        },
        new()
        {
            Name = "qwen3vlmoe",
            Classes = ["Qwen3VLMoeForConditionalGeneration"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_qwenMoe, .. s_headNorms],
            Keys = [.. s_moeKeys, DeepstackLayers],
            Rules = [TransposeVisionExperts, .. s_moeRules],
        },
        new()
        {
            Name = "qwen3next",
            Classes = ["Qwen3NextForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_qwenLinear, .. s_experts, "ffn_gate_inp_shexp", .. s_sharedExperts, "ssm_in", "ssm_ba"],
            Keys = [.. s_moeKeys, s_nextTokenLayers, .. s_linearAttentionKeys],
            Names = [LinearAttentionRules.RenameNextTokens],
            Rules = [.. LinearAttentionRules.All, LinearAttentionRules.SplitHeads, .. s_moeRules],
            ExtraBlocks = LinearAttentionRules.NextTokenBlocks,
        },
        new()
        {
            Name = "qwen35",
            Classes = ["Qwen3_5ForConditionalGeneration", "Qwen3_5ForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_qwenLinear, .. s_feedForward, "ssm_beta", "ssm_alpha"],
            Keys = [.. s_moeKeys, s_nextTokenLayers, .. s_linearAttentionKeys, DefaultSections],
            Names = [LinearAttentionRules.RenameNextTokens],
            Rules = [LinearAttentionRules.ReorderValueHeads, .. LinearAttentionRules.All],
            ExtraBlocks = LinearAttentionRules.NextTokenBlocks,
        },
        new()
        {
            Name = "qwen35moe",
            Classes = ["Qwen3_5MoeForConditionalGeneration", "Qwen3_5MoeForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_qwenLinear, .. s_experts, "ffn_gate_inp_shexp", .. s_sharedExperts, "ssm_beta", "ssm_alpha"],
            Keys = [.. s_moeKeys, s_nextTokenLayers, .. s_linearAttentionKeys, DefaultSections],
            Names = [LinearAttentionRules.RenameNextTokens],
            Rules = [LinearAttentionRules.ReorderValueHeads, .. LinearAttentionRules.All, .. s_moeRules],
            ExtraBlocks = LinearAttentionRules.NextTokenBlocks,
        },
        new()
        {
            Name = "granite",
            Classes = ["GraniteForCausalLM"],
            Vocabulary = VocabularyKind.Llama,
            Tensors = s_dense,
            Keys = s_graniteKeys,
            Prepare = WithoutHeadLength,
            Rules = s_llamaRules,
            Extra = RopeFactors.OfLlama3,
        },
        new()
        {
            Name = "granitemoe",
            Classes = ["GraniteMoeForCausalLM", "GraniteMoeSharedForCausalLM"],
            Vocabulary = VocabularyKind.Llama,
            Tensors = [.. s_qwenMoe, .. s_sharedExperts],
            Keys = [.. s_graniteKeys, SharedFeedForward],
            Prepare = WithoutHeadLength,
            Rules = [.. StateSpaceRules.GraniteExperts, .. s_llamaRules],
            Extra = RopeFactors.OfLlama3,
        },
        new()
        {
            Name = "granitehybrid",
            Classes = ["GraniteMoeHybridForCausalLM", "BambaForCausalLM"],
            Vocabulary = VocabularyKind.GraniteHybrid,
            Applies = config => StateSpaceRules.AttentionLayers(config).Contains(false),
            Tensors = [.. s_embeddings, .. s_attention, .. s_mamba2, "ffn_norm", .. s_experts, .. s_sharedExperts, .. s_feedForward],
            Keys = [.. s_graniteKeys, SharedFeedForward, .. StateSpaceRules.GraniteHybridKeys],
            Prepare = WithoutHeadLength,
            Rules = [.. StateSpaceRules.GraniteExperts, .. StateSpaceRules.Mamba2, .. s_llamaRules],
            TakesConfigAsItIs = true,
        },
        new()
        {
            Name = "granitemoe",
            Classes = ["GraniteMoeHybridForCausalLM", "BambaForCausalLM"],
            Vocabulary = VocabularyKind.GraniteHybrid,
            Applies = config => config.Find("num_experts_per_tok", "num_experts_per_token") is not null && config.FindInt64("num_experts_per_tok", "num_experts_per_token") != 0,
            Tensors = [.. s_qwenMoe, .. s_sharedExperts],
            Keys = [.. s_graniteKeys, SharedFeedForward, .. StateSpaceRules.GraniteHybridKeys],
            Prepare = WithoutHeadLength,
            Rules = [.. StateSpaceRules.GraniteExperts, .. s_llamaRules],
            TakesConfigAsItIs = true,
        },
        new()
        {
            Name = "granite",
            Classes = ["GraniteMoeHybridForCausalLM", "BambaForCausalLM"],
            Vocabulary = VocabularyKind.GraniteHybrid,
            Tensors = s_dense,
            Keys = [.. s_graniteKeys, SharedFeedForward, .. StateSpaceRules.GraniteHybridKeys],
            Prepare = WithoutHeadLength,
            Rules = [.. StateSpaceRules.GraniteExperts, .. s_llamaRules],
            TakesConfigAsItIs = true,
        },
        new()
        {
            Name = "smollm3",
            Classes = ["SmolLM3ForCausalLM"],
            Vocabulary = VocabularyKind.Llama,
            Tensors = [.. s_dense, "rope_freqs"],
            Keys = s_llamaKeys,
            Rules = s_llamaRules,
            Extra = RopeFactors.OfLlama3,
        },
        new()
        {
            Name = "mistral4",
            Classes = s_mistral3Classes,
            Vocabulary = VocabularyKind.Deepseek,
            Applies = config => config.ModelType == "mistral4",
            Tensors = [.. DeepseekRules.Tensors, "ffn_gate_up_exps"],
            Keys = s_deepseekKeys,
            Prepare = DeepseekRules.Prepare,
            Rules =
            [
                Drop(DeepseekRules.IsTiedOutput),
                (_, tensor) => [IsMatch(tensor.Name, "*.down_proj", "*.gate_up_proj") ? tensor with { Name = $"{tensor.Name}.weight" } : tensor],
                DeepseekRules.SplitKeysAndValues,
            ],
        },
        new()
        {
            Name = "mistral3",
            Classes = s_mistral3Classes,
            Vocabulary = VocabularyKind.Llama,
            Tensors = s_llama,
            Keys =
            [
                .. s_llamaKeys,
                keys =>
                {
                    if (keys.Config.ModelType != "ministral3")
                        return;
                    keys.AddFloat32("rope.scaling.yarn_log_multiplier", keys.Context.Rope.Find("mscale_all_dim"));
                    keys.AddFloat32("attention.temperature_scale", keys.Context.Rope.Find("llama_4_scaling_beta"));
                },
            ],
            Rules = s_llamaRules,
            Extra = RopeFactors.OfLlama3,
        },
        new()
        {
            Name = "arcee",
            Classes = ["ArceeForCausalLM"],
            Vocabulary = VocabularyKind.Llama,
            Tensors = [.. s_embeddings, "rope_freqs", .. s_attention, "ffn_norm", "ffn_up", "ffn_down"],
            Keys = [.. s_llamaKeys, Pooling],
            Rules = s_llamaRules,
            Extra = RopeFactors.OfLlama3,
        },
        new()
        {
            Name = "apertus",
            Classes = ["ApertusForCausalLM"],
            Vocabulary = VocabularyKind.Llama,
            Tensors = [.. s_dense, "rope_freqs", .. s_headNorms],
            Keys = s_llamaKeys,
            Rules = [CollectActivations],
            Extra = RopeFactors.OfLlama3,
        },
        new()
        {
            Name = "olmo2",
            Classes = ["Olmo2ForCausalLM", "Olmo3ForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_embeddings, "attn_q", "attn_k", "attn_v", "attn_output", "post_attention_norm", .. s_headNorms, "post_ffw_norm", .. s_feedForward],
            Keys = [Base, SlidingWindowOfOlmo],
        },
        new()
        {
            Name = "olmo",
            Classes = ["OlmoForCausalLM", "OLMoForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = ["token_embd", "output", "attn_q", "attn_k", "attn_v", "attn_output", .. s_feedForward],
            Keys = [Base, Constant("attention.layer_norm_epsilon", 1e-5f), OptionalFloat32("attention.clamp_kqv", "clip_qkv")],
            Rules = [PermuteQueryAndKey],
        },
        new()
        {
            Name = "olmoe",
            Classes = ["OlmoeForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_qwenMoe, .. s_headNorms],
            Keys = [Base, Constant("attention.layer_norm_rms_epsilon", 1e-5f)],
            Rules = [StackMlpExperts],
        },
        new()
        {
            Name = "seed_oss",
            Classes = ["SeedOssForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_embeddings, .. s_attention, "post_attention_norm", .. s_feedForward],
            Keys = [Base],
        },
        new()
        {
            Name = "exaone4",
            Classes = ["Exaone4ForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_embeddings, "rope_freqs", "attn_q", "attn_k", "attn_v", "attn_output", .. s_headNorms, "post_attention_norm", .. s_feedForward, "post_ffw_norm"],
            Keys = [Base, UInt32("vocab_size", "vocab_size"), SlidingWindowOfExaone],
            Extra = RopeFactors.OfExaone4,
        },
        new()
        {
            Name = "dots1",
            Classes = ["Dots1ForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_dense, .. s_headNorms, .. s_experts, .. s_sharedExperts, "exp_probs_b"],
            Prepare = config => config.Find("n_routed_experts") is { } experts ? config.With([new("num_experts", experts)]) : config,
            Keys =
            [
                .. s_moeKeys,
                UInt32("leading_dense_block_count", "first_k_dense_replace"),
                UInt32("expert_shared_count", "n_shared_experts"),
                Float32("expert_weights_scale", "routed_scaling_factor"),
                OptionalBoolean("expert_weights_norm", "norm_topk_prob"),
            ],
            Rules = s_moeRules,
        },
        new()
        {
            Name = "starcoder2",
            Classes = ["Starcoder2ForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_embeddings, "rope_freqs", .. s_attention, "ffn_norm", "ffn_up", "ffn_down"],
            Keys = [Base],
        },
        new()
        {
            Name = "gpt2",
            Classes = ["GPT2LMHeadModel"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_embeddings, "position_embd", "attn_norm", "attn_qkv", "attn_output", "ffn_norm", "ffn_up", "ffn_down"],
            Keys =
            [
                BlockCount,
                UInt32("context_length", "n_ctx"),
                UInt32("embedding_length", "n_embd"),
                UInt32("feed_forward_length", context => 4 * context.Integer("n_embd")),
                UInt32("attention.head_count", "n_head"),
                Float32("attention.layer_norm_epsilon", "layer_norm_epsilon"),
                KeyRules.FileType,
            ],
            // Masks that older converters could not leave out.
            Names = [(_, name) => IsMatch(name, "*.attn.bias", "*.attn.masked_bias") ? null : name],
            Rules = [Values(["*.c_attn.weight", "*.c_proj.weight", "*.c_fc.weight"], (_, values) => values.Transpose())],
        },
        new()
        {
            Name = "gptneox",
            Classes = ["GPTNeoXForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_embeddings, "attn_norm", "attn_qkv", "attn_output", "ffn_norm", "ffn_up", "ffn_down"],
            // The converter writes no general.file_type for these.
            Keys =
            [
                UInt32("context_length", "max_position_embeddings"),
                UInt32("embedding_length", "hidden_size"),
                BlockCount,
                UInt32("feed_forward_length", "intermediate_size"),
                UInt32("rope.dimension_count", context => (long)(context.Number("rotary_pct") * (context.Integer("hidden_size") / context.Integer("num_attention_heads")))),
                UInt32("attention.head_count", "num_attention_heads"),
                keys => keys.Add("use_parallel_residual", keys.Config.FindBoolean("use_parallel_residual") ?? true),
                Float32("attention.layer_norm_epsilon", "layer_norm_eps"),
            ],
            Rules = [Values(["*.attention.query_key_value.weight", "*.attention.query_key_value.bias"], (context, values) => GroupHeads(values, context.Heads))],
        },
        new()
        {
            Name = "command-r",
            Classes = ["CohereForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = ["token_embd", "output_norm", .. s_attention, .. s_headNorms, .. s_feedForward],
            Prepare = config => config.Find("model_max_length", "max_position_embeddings") is { } length ? config.With([new("max_position_embeddings", length)]) : config,
            Keys = [Base, Float32("logit_scale", "logit_scale"), Constant("rope.scaling.type", "none")],
        },
        new()
        {
            Name = "cohere2",
            Classes = ["Cohere2ForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = ["token_embd", "output_norm", .. s_attention, .. s_feedForward],
            Keys =
            [
                Base,
                Float32("logit_scale", "logit_scale"),
                UInt32("attention.sliding_window", "sliding_window"),
                UInt32("vocab_size", "vocab_size"),
                UInt32("rope.dimension_count", context => (long)(context.Number("rotary_pct") * (context.Integer("hidden_size") / context.Integer("num_attention_heads")))),
                Constant("rope.scaling.type", "none"),
            ],
            Rules = [DropZeroBiases],
        },
        new()
        {
            Name = "lfm2",
            Classes = ["Lfm2ForCausalLM", "LFM2ForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. StateSpaceRules.ShortConvolutionTensors, "output", .. s_feedForward],
            Prepare = config => StateSpaceRules.KeyValueHeadsPerLayer(config, type => type != "conv"),
            Keys =
            [
                Base,
                UInt32("vocab_size", "vocab_size"),
                UInt32("shortconv.l_cache", "conv_L_cache"),
                Float32("attention.layer_norm_rms_epsilon", "norm_eps"),
                UInt32("feed_forward_length", StateSpaceRules.FeedForwardLengthOfLfm2),
            ],
            Rules = [StateSpaceRules.SqueezeShortConvolution],
        },
        new()
        {
            Name = "lfm2moe",
            Classes = ["Lfm2MoeForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. StateSpaceRules.ShortConvolutionTensors, .. s_feedForward, .. s_experts, "exp_probs_b"],
            Prepare = config => StateSpaceRules.KeyValueHeadsPerLayer(config, type => type == "full_attention"),
            Keys =
            [
                Base,
                UInt32("expert_feed_forward_length", "moe_intermediate_size"),
                UInt32("leading_dense_block_count", "num_dense_layers"),
                Constant("expert_gating_func", 2u),
                UInt32("vocab_size", "vocab_size"),
                UInt32("shortconv.l_cache", "conv_L_cache"),
            ],
            Names = [(_, name) => name.EndsWith(".expert_bias", StringComparison.Ordinal) ? $"{name}.bias" : name],
            Rules =
            [
                StateSpaceRules.SqueezeShortConvolution,
                StackExperts("model.layers.{0}.feed_forward.experts.{1}.{2}.weight", "layers.{0}.feed_forward.experts.{2}.weight", "w1", "w2", "w3"),
            ],
        },
        new()
        {
            Name = "bert",
            Classes = ["BertModel", "BertForMaskedLM", "BertForSequenceClassification", "CamembertModel"],
            Vocabulary = VocabularyKind.Bert,
            Tensors = s_bert,
            Keys = s_bertKeys,
            Names = s_bertNames,
            Rules = [RenameClassifier],
        },
        new()
        {
            Name = "bert",
            Classes = ["RobertaModel", "RobertaForSequenceClassification"],
            Vocabulary = VocabularyKind.Roberta,
            Tensors = s_bert,
            Prepare = WithPositionOffset,
            Keys = s_bertKeys,
            Names = [(_, name) => WithoutPrefix(name, "roberta."), .. s_bertNames],
            Rules = [CutPositions, RenameClassifier],
        },
        new()
        {
            Name = "bert",
            Classes = ["XLMRobertaModel", "XLMRobertaForSequenceClassification"],
            Vocabulary = VocabularyKind.XlmRoberta,
            Applies = config => !HasTaskAdapters(config),
            Tensors = s_bert,
            Prepare = WithPositionOffset,
            Keys = s_bertKeys,
            Names = [(_, name) => WithoutPrefix(name, "roberta."), .. s_bertNames],
            Rules = [CutPositions, RenameClassifier],
        },
        new()
        {
            Name = "jina-bert-v3",
            Classes = ["XLMRobertaModel", "XLMRobertaForSequenceClassification"],
            Vocabulary = VocabularyKind.XlmRoberta,
            Tensors = ["token_embd", "token_embd_norm", "token_types", "output_norm", "attn_output_norm", "attn_qkv", "attn_output", "ffn_up", "ffn_down", "layer_output_norm"],
            Prepare = WithPositionOffset,
            Keys = s_bertKeys,
            Names = [(_, name) => WithoutPrefix(name, "roberta."), WithoutParametrization, .. s_bertNames],
            Rules = [DropTaskAdapters],
        },
        new()
        {
            Name = "bert",
            Classes = ["DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification"],
            Vocabulary = VocabularyKind.Bert,
            Tensors = s_bert,
            Keys = [Constant("attention.layer_norm_epsilon", 1e-12f), .. s_bertKeys],
            Names = [(_, name) => WithoutPrefix(name, "distilbert."), (_, name) => name.StartsWith("vocab_", StringComparison.Ordinal) ? null : name, .. s_bertNames],
            Rules = [RenameClassifier],
        },
        new()
        {
            Name = "modern-bert",
            Classes = ["ModernBertModel", "ModernBertForMaskedLM", "ModernBertForSequenceClassification"],
            Vocabulary = VocabularyKind.ModernBert,
            Tensors = ["token_embd", "token_embd_norm", "output_norm", "attn_norm", "attn_output", "attn_qkv", "ffn_up", "ffn_down", "ffn_norm", "cls", "cls_output", "cls_norm"],
            Keys =
            [
                .. s_bertKeys,
                UInt32("attention.sliding_window", "local_attention"),
                OptionalUInt32("attention.sliding_window_pattern", "global_attn_every_n_layers"),
                Constant("rope.scaling.type", "none"),
                UInt32("vocab_size", "vocab_size"),
                keys =>
                {
                    if (keys.Config.FindString("hidden_activation") is { } activation)
                        keys.Add("hidden_activation", activation);
                },
            ],
            Names = [(_, name) => WithoutPrefix(name, "model."), .. s_bertNames],
            Rules = [RenameClassifier],
            HasBareNames = true,
        },
        new()
        {
            Name = "nomic-bert-moe",
            Classes = ["NomicBertModel"],
            Vocabulary = VocabularyKind.NomicBert,
            Applies = config => config.FindInt64("moe_every_n_layers") is > 0,
            Tensors = ["token_embd", "token_embd_norm", "token_types", "position_embd", "output_norm", "attn_output_norm", "attn_qkv", "attn_output", "ffn_up", "ffn_down", "ffn_gate_inp", "ffn_up_exps", "ffn_down_exps", "layer_output_norm"],
            Prepare = WithNomicPositions,
            Keys = [.. s_bertKeys, UInt32("moe_every_n_layers", "moe_every_n_layers"), UInt32("expert_used_count", "moe_top_k")],
            Names = [(_, name) => name.Contains("mlp.experts.bias", StringComparison.Ordinal) ? null : name, .. s_bertNames],
            Rules = [ReshapeNomicExperts],
        },
        new()
        {
            Name = "nomic-bert",
            Classes = ["NomicBertModel"],
            Vocabulary = VocabularyKind.NomicBert,
            Tensors = ["token_embd", "token_embd_norm", "token_types", "position_embd", "output_norm", "attn_output_norm", "attn_qkv", "attn_output", .. s_feedForward, "layer_output_norm"],
            Prepare = WithNomicPositions,
            Keys = s_bertKeys,
            Names = s_bertNames,
        },
        new()
        {
            Name = "jina-bert-v2",
            Classes = ["JinaBertModel", "JinaBertForMaskedLM"],
            Vocabulary = VocabularyKind.JinaBert,
            Tensors = ["token_embd", "token_embd_norm", "token_types", "attn_norm_2", "attn_output_norm", "attn_q", "attn_q_norm", "attn_k", "attn_k_norm", "attn_v", "attn_output", .. s_feedForward, "layer_output_norm", "cls"],
            Keys = s_bertKeys,
            Names = s_bertNames,
        },
        new()
        {
            Name = "mamba",
            Classes = ["MambaForCausalLM", "MambaLMHeadModel", "FalconMambaForCausalLM"],
            Vocabulary = VocabularyKind.Mamba,
            Tensors = [.. s_embeddings, "attn_norm", "ssm_in", "ssm_conv1d", "ssm_x", "ssm_dt", "ssm_a", "ssm_d", "ssm_out"],
            Keys = StateSpaceRules.MambaKeys,
            Rules = [StateSpaceRules.SqueezeConvolution, NegativeExp, StateSpaceRules.DropEqualOutput],
            TakesConfigAsItIs = true,
        },
        new()
        {
            Name = "mamba2",
            Classes = ["Mamba2ForCausalLM"],
            Vocabulary = VocabularyKind.Mamba2,
            Tensors = [.. s_embeddings, "attn_norm", .. s_mamba2],
            Keys = StateSpaceRules.Mamba2Keys,
            Names = [(_, name) => IsMatch(name, "model.backbone*", "model.lm_head*") ? WithoutPrefix(name, "model.") : name],
            Rules = StateSpaceRules.Mamba2,
            TakesConfigAsItIs = true,
        },
        new()
        {
            Name = "falcon-h1",
            Classes = ["FalconH1ForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_embeddings, .. s_attention, .. s_mamba2, "ffn_pre_norm", .. s_feedForward],
            Keys = StateSpaceRules.FalconH1Keys,
            Rules = [.. StateSpaceRules.Mamba2, StateSpaceRules.FoldMultipliers],
            TakesConfigAsItIs = true,
        },
        new()
        {
            Name = "nemotron",
            Classes = ["NemotronForCausalLM"],
            Vocabulary = VocabularyKind.Nemotron,
            Tensors = [.. s_embeddings, "rope_freqs", .. s_attention, "ffn_norm", "ffn_up", "ffn_down"],
            Keys =
            [
                Base,
                UInt32("vocab_size", "vocab_size"),
                Float32("attention.layer_norm_epsilon", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"),
                UInt32("rope.dimension_count", context => (long)(context.Rope.Number("partial_rotary_factor", 1) * context.Integer("hidden_size", "n_embd")) / context.Integer("num_attention_heads", "n_head")),
                NemotronScaling,
            ],
            Rules = [AddOneToNorms()],
        },
        new()
        {
            Name = "stablelm",
            Classes = ["StableLmForCausalLM", "StableLMEpochForCausalLM", "LlavaStableLMEpochForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_dense, "rope_freqs", .. s_headNorms],
            Keys =
            [
                UInt32("context_length", "max_position_embeddings"),
                UInt32("embedding_length", "hidden_size"),
                BlockCount,
                UInt32("feed_forward_length", "intermediate_size"),
                UInt32("rope.dimension_count", context => (long)(context.Rope.Number("partial_rotary_factor", 0.25) * (context.Integer("hidden_size") / context.Integer("num_attention_heads")))),
                UInt32("attention.head_count", "num_attention_heads"),
                UInt32("attention.head_count_kv", "num_key_value_heads"),
                keys => keys.Add("use_parallel_residual", keys.Config.FindBoolean("use_parallel_residual") ?? true),
                Float32("attention.layer_norm_epsilon", "layer_norm_eps", "norm_eps"),
                KeyRules.FileType,
            ],
        },
        .. FurtherArchitectures.Rows,
    ];

    private static readonly FrozenDictionary<string, Architecture[]> s_byClass = Rows
        .SelectMany(row => row.Classes.Select(name => (name, row)))
        .GroupBy(pair => pair.name, pair => pair.row, StringComparer.Ordinal)
        .ToFrozenDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);

    /// <summary>The row for a configuration; null if there is none.</summary>
    internal static Architecture? Find(ModelConfig config) =>
        s_byClass.TryGetValue(config.Architecture, out Architecture[]? rows) ? Array.Find(rows, row => row.Applies(config)) : null;

    /// <summary>The model classes of all rows.</summary>
    internal static IEnumerable<string> Classes => s_byClass.Keys;

    private static NameRule PrefixedFor(string type) => (config, name) =>
        config.Architecture == type && !name.StartsWith("model.", StringComparison.Ordinal) ? $"model.{name}" : name;

    private static string WithoutPrefix(string name, string prefix) => name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name;

    private static bool IsBlockFrom(int first, string name) => IsMatch(name, "model.layers.*") && new SourceTensor(name, null!).Block >= first;

    private static int NextTokenBlocks(ModelConfig config, IEnumerable<string> names) => (int)(config.FindInt64("num_nextn_predict_layers") ?? 0);

    private static ModelConfig WithoutHeadLength(ModelConfig config) => config.With("head_dim", "null");
}

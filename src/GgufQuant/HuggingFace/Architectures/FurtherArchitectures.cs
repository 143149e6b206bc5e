using GgufQuant.HuggingFace.Vocabulary;
using static GgufQuant.HuggingFace.Architectures.KeyRules;
using static GgufQuant.HuggingFace.Architectures.TensorRules;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>Architectures less common than those of <see cref="ArchitectureTable"/>.</summary>
internal static class FurtherArchitectures
{
    private static readonly string[] s_dense =
    [
        "token_embd", "output", "output_norm", "attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down",
    ];

    private static readonly NameRule s_ernieNames = (_, name) => name.Replace("ernie.", "model.", StringComparison.Ordinal);

    /// <summary>The rows.</summary>
    internal static Architecture[] Rows =>
    [
        new()
        {
            Name = "ernie4_5",
            Classes = ["Ernie4_5_ForCausalLM", "Ernie4_5ForCausalLM"],
            Vocabulary = VocabularyKind.Ernie,
            Tensors = s_dense,
            Keys = [Base],
            Names = [s_ernieNames],
            Rules =
            [
                SplitQueryKeyValue,
                SplitRows("up_gate_proj.weight", "gate_proj.weight", "up_proj.weight"),
            ],
        },
        new()
        {
            Name = "ernie4_5-moe",
            Classes = ["Ernie4_5_MoeForCausalLM"],
            Vocabulary = VocabularyKind.Ernie,
            Tensors =
            [
                .. s_dense, "ffn_gate_inp", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps", "exp_probs_b", "ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp",
            ],
            Keys =
            [
                Base,
                UInt32("expert_count", "moe_num_experts"),
                UInt32("expert_used_count", "moe_k"),
                UInt32("interleave_moe_layer_step", "moe_layer_interval"),
                UInt32("leading_dense_block_count", "moe_layer_start_index"),
                OptionalUInt32("expert_feed_forward_length", "moe_intermediate_size"),
                OptionalUInt32("expert_shared_count", "moe_num_shared_experts"),
                keys =>
                {
                    if (keys.Config.FindInt64("moe_num_shared_experts") is > 0 && keys.Config.FindInt64("intermediate_size") is { } length
                        && keys.Config.FindInt64("num_key_value_heads") is { } heads and not 0)
                    {
                        keys.AddUInt32("expert_shared_feed_forward_length", length / heads);
                    }
                },
            ],
            Names =
            [
                (_, name) => IsMatch(name, "model.mtp_block.*", "model.mtp_emb_norm.*", "model.mtp_hidden_norm.*", "model.mtp_linear_proj.*") ? null : name,
                s_ernieNames,
            ],
            Rules =
            [
                StackExperts("model.layers.{0}.mlp.experts.{1}.{2}.weight", "model.layers.{0}.mlp.experts.{2}.weight", "gate_proj", "up_proj", "down_proj"),
            ],
        },
        new()
        {
            Name = "hunyuan-dense",
            Classes = ["HunYuanDenseV1ForCausalLM"],
            Vocabulary = VocabularyKind.Hunyuan,
            Tensors = [.. s_dense, "attn_q_norm", "attn_k_norm"],
            // Some dense models claim to have one expert.
            Prepare = config => config.Contains("num_experts") ? config.With("num_experts", "null") : config,
            Keys = [Base, ScaledFrequenciesOfHunyuan],
            Rules = [Drop((context, name) => name == "lm_head.weight" && context.Config.FindBoolean("tie_word_embeddings") == true)],
        },
        new()
        {
            Name = "exaone",
            Classes = ["ExaoneForCausalLM"],
            Vocabulary = VocabularyKind.Gpt2,
            Tensors = [.. s_dense, "rope_freqs"],
            Keys =
            [
                Base,
                UInt32("rope.dimension_count", context =>
                    (long)(context.Rope.Number("partial_rotary_factor", 1) * (context.Integer("hidden_size") / context.Integer("num_attention_heads")))),
            ],
            Extra = RopeFactors.OfLlama3,
        },
        new()
        {
            Name = "chatglm",
            Classes = ["GlmForCausalLM", "ChatGLMModel", "ChatGLMForConditionalGeneration"],
            Vocabulary = VocabularyKind.ChatGlm,
            Tensors =
            [
                "token_embd", "output", "output_norm", "rope_freqs", "attn_norm", "attn_qkv", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_up", "ffn_down",
            ],
            Keys =
            [
                UInt32("context_length", context => context.Config.FindInt64("seq_length") ?? context.Integer("hidden_size", "n_embed")),
                UInt32("embedding_length", "hidden_size", "n_embed"),
                UInt32("feed_forward_length", context => context.Config.FindInt64("ffn_hidden_size", "intermediate_size") ?? (4 * context.Integer("hidden_size", "n_embed"))),
                BlockCount,
                UInt32("attention.head_count", "n_head", "num_attention_heads"),
                UInt32("attention.head_count_kv", context => context.Config.FindInt64("multi_query_group_num", "num_key_value_heads") ?? context.Integer("n_head", "num_attention_heads")),
                Float32Or("attention.layer_norm_rms_epsilon", 1e-5, "layernorm_epsilon"),
                FileType,
                UInt32("rope.dimension_count", context =>
                    (long)((context.Config.FindInt64("attention_dim") ?? (context.Integer("hidden_size") / context.Integer("num_attention_heads")))
                        * context.Rope.Number("partial_rotary_factor", 0.5))),
                keys => keys.AddGeneral(TokenizerKeys.AddBos, false),
                keys => keys.AddFloat32("rope.freq_base", 10000 * (keys.Config.FindDouble("rope_ratio") ?? 1)),
            ],
            Names =
            [
                (_, name) => name.EndsWith(".rotary_pos_emb.inv_freq", StringComparison.Ordinal) ? null : name,
                (_, name) => name.StartsWith("transformer.", StringComparison.Ordinal) ? name["transformer.".Length..] : name,
            ],
        },
    ];

    // Hunyuan scales RoPE's base frequency by a power of alpha, for contexts of 256k tokens.
    private static void ScaledFrequenciesOfHunyuan(KeyWriter keys)
    {
        const long LongContext = 256 * 1024;
        RopeParameters rope = keys.Context.Rope;
        if (rope.Type is not ("dynamic" or "xdrope"))
            return;
        double length = keys.Context.Integer("head_dim");
        keys.AddFloat32("rope.freq_base", rope.Number("rope_theta", 10000) * Math.Pow(rope.Number("alpha", 50), length / (length - 2)));
        keys.Add("rope.scaling.type", "none");
        keys.AddFloat32("rope.scaling.factor", 1);
        if (rope.Type != "dynamic")
            return;
        keys.AddUInt32("rope.scaling.original_context_length", LongContext);
        keys.AddUInt32("context_length", LongContext);
    }

    // The rows of all queries, then of all keys, then of all values.
    private static IEnumerable<SourceTensor> SplitQueryKeyValue(ConversionContext context, SourceTensor tensor)
    {
        const string Suffix = "qkv_proj.weight";
        if (!tensor.Name.EndsWith(Suffix, StringComparison.Ordinal))
            return [tensor];
        long queries = context.Heads * context.HeadLength;
        long keys = context.KeyValueHeads * context.HeadLength;
        string name = tensor.Name[..^Suffix.Length];
        return
        [
            tensor with { Name = $"{name}q_proj.weight", Values = tensor.Values.RowRange(0, queries) },
            tensor with { Name = $"{name}k_proj.weight", Values = tensor.Values.RowRange(queries, keys) },
            tensor with { Name = $"{name}v_proj.weight", Values = tensor.Values.RowRange(queries + keys, keys) },
        ];
    }
}

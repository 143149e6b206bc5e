using System.Collections.Frozen;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>The GGUF names of Hugging Face tensors. <c>{}</c> is the block's number.</summary>
/// <remarks>gguf-py's <c>TENSOR_NAMES</c> and <c>TensorNameMap</c>, limited to the architectures here.</remarks>
internal static class TensorTable
{
    /// <summary>One kind of tensor.</summary>
    /// <param name="Kind">How architectures refer to it.</param>
    /// <param name="Name">The name in GGUF, without suffix.</param>
    /// <param name="Sources">The names in Hugging Face models, without suffix.</param>
    internal sealed record Entry(string Kind, string Name, string[] Sources);

    // In gguf-py's order: if two kinds of an architecture share a source, the later one wins.
    private static readonly Entry[] s_entries =
    [
        new("token_embd", "token_embd", ["model.embed_tokens", "embed_tokens", "embeddings.word_embeddings", "embeddings.tok_embeddings", "backbone.embedding", "backbone.embeddings", "model.embedding", "embedding.word_embeddings", "gpt_neox.embed_in", "transformer.wte", "wte"]),
        new("token_types", "token_types", ["embeddings.token_type_embeddings"]),
        new("token_embd_norm", "token_embd_norm", ["embeddings.LayerNorm", "embeddings.norm", "emb_ln", "model.embedding_norm"]),
        new("position_embd", "position_embd", ["embeddings.position_embeddings", "transformer.wpe", "wpe"]),
        new("output", "output", ["lm_head", "embed_out", "output_layer"]),
        new("output_norm", "output_norm", ["model.norm", "norm", "model.final_layernorm", "model.norm_f", "backbone.norm_f", "gpt_neox.final_layer_norm", "transformer.ln_f", "ln_f", "final_norm", "encoder.final_layernorm"]),
        new("rope_freqs", "rope_freqs", []),
        new("rope_factors_long", "rope_factors_long", []),
        new("rope_factors_short", "rope_factors_short", []),
        new("cls", "cls", ["classifier", "classifier.dense", "pre_classifier", "dense", "head.dense"]),
        new("cls_output", "cls.output", ["classifier.out_proj"]),
        new("cls_norm", "cls.norm", ["head.norm"]),
        new("per_layer_token_embd", "per_layer_token_embd", ["model.embed_tokens_per_layer"]),
        new("per_layer_model_proj", "per_layer_model_proj", ["model.per_layer_model_projection"]),
        new("per_layer_proj_norm", "per_layer_proj_norm", ["model.per_layer_projection_norm"]),

        Block("attn_norm", "model.layers.{}.input_layernorm", "layers.{}.input_layernorm", "model.layers.{}.operator_norm", "model.layers.{}.attention_layernorm", "model.layers.{}.pre_attention_layernorm", "layers.{}.attn_norm",
            "encoder.layers.{}.input_layernorm", "model.layers.{}.norm", "backbone.layers.{}.norm", "gpt_neox.layers.{}.input_layernorm", "transformer.h.{}.ln_1", "h.{}.ln_1"),
        Block("attn_norm_2", "encoder.layer.{}.layer_norm_1"),
        Block("attn_qkv", "model.layers.{}.self_attn.qkv_proj", "model.layers.{}.linear_attn.in_proj_qkv", "encoder.layers.{}.attn.Wqkv", "encoder.layers.{}.mixer.Wqkv", "layers.{}.attn.Wqkv", "encoder.layers.{}.self_attention.query_key_value", "gpt_neox.layers.{}.attention.query_key_value", "transformer.h.{}.attn.c_attn", "h.{}.attn.c_attn"),
        Block("attn_q", "model.layers.{}.self_attn.q_proj", "layers.{}.self_attn.q_proj", "encoder.layer.{}.attention.self.query", "transformer.layer.{}.attention.q_lin", "transformer.h.{}.attn.attention.q_proj"),
        Block("attn_k", "model.layers.{}.self_attn.k_proj", "layers.{}.self_attn.k_proj", "encoder.layer.{}.attention.self.key", "transformer.layer.{}.attention.k_lin", "transformer.h.{}.attn.attention.k_proj"),
        Block("attn_v", "model.layers.{}.self_attn.v_proj", "layers.{}.self_attn.v_proj", "encoder.layer.{}.attention.self.value", "transformer.layer.{}.attention.v_lin", "transformer.h.{}.attn.attention.v_proj"),
        Block("attn_output", "model.layers.{}.self_attn.o_proj", "layers.{}.self_attn.o_proj", "model.layers.{}.self_attn.out_proj", "encoder.layer.{}.attention.output.dense", "encoder.layers.{}.attn.out_proj", "encoder.layers.{}.mixer.out_proj", "layers.{}.attn.Wo", "transformer.layer.{}.attention.out_lin", "transformer.h.{}.attn.attention.out_proj", "encoder.layers.{}.self_attention.dense", "model.layers.{}.self_attn.dense", "gpt_neox.layers.{}.attention.dense", "transformer.h.{}.attn.c_proj", "h.{}.attn.c_proj"),
        Block("attn_output_norm", "encoder.layer.{}.attention.output.LayerNorm", "transformer.layer.{}.sa_layer_norm", "encoder.layers.{}.norm1"),
        Block("attn_q_norm", "model.layers.{}.self_attn.q_norm", "layers.{}.self_attn.q_norm", "model.layers.{}.self_attn.q_layernorm", "model.layers.{}.self_attn.query_layernorm", "encoder.layer.{}.attention.self.layer_norm_q"),
        Block("attn_k_norm", "model.layers.{}.self_attn.k_norm", "layers.{}.self_attn.k_norm", "model.layers.{}.self_attn.k_layernorm", "model.layers.{}.self_attn.key_layernorm", "encoder.layer.{}.attention.self.layer_norm_k"),
        Block("attn_gate", "model.layers.{}.linear_attn.in_proj_z"),
        Block("attn_sinks", "model.layers.{}.self_attn.sinks"),
        Block("attn_q_a", "model.layers.{}.self_attn.q_a_proj"),
        Block("attn_q_b", "model.layers.{}.self_attn.q_b_proj"),
        Block("attn_q_a_norm", "model.layers.{}.self_attn.q_a_layernorm"),
        Block("attn_kv_a_mqa", "model.layers.{}.self_attn.kv_a_proj_with_mqa"),
        Block("attn_kv_a_norm", "model.layers.{}.self_attn.kv_a_layernorm"),
        Block("attn_k_b", "model.layers.{}.self_attn.k_b_proj"),
        Block("attn_v_b", "model.layers.{}.self_attn.v_b_proj"),
        Block("post_attention_norm", "model.layers.{}.post_attention_layernorm", "layers.{}.post_attention_layernorm", "model.layers.{}.post_self_attn_layernorm"),

        Block("ffn_norm", "model.layers.{}.post_attention_layernorm", "layers.{}.post_attention_layernorm", "model.layers.{}.ffn_norm", "model.layers.{}.pre_ff_layernorm", "model.layers.{}.feedforward_layernorm", "model.layers.{}.pre_mlp_layernorm", "layers.{}.mlp_norm", "encoder.layers.{}.post_attention_layernorm",
            "gpt_neox.layers.{}.post_attention_layernorm", "transformer.h.{}.ln_2", "h.{}.ln_2"),
        // gguf-py has the suffix in the second name because Falcon-H1's tensor has none in GGUF.
        new("ffn_pre_norm", "blk.{}.ffn_norm", ["model.layers.{}.pre_feedforward_layernorm", "model.layers.{}.pre_ff_layernorm.weight", "layers.{}.pre_feedforward_layernorm"]),
        Block("pre_ffw_norm_2", "model.layers.{}.pre_feedforward_layernorm_2"),
        Block("post_ffw_norm", "model.layers.{}.post_feedforward_layernorm", "layers.{}.post_feedforward_layernorm", "model.layers.{}.post_mlp_layernorm"),
        Block("post_ffw_norm_1", "model.layers.{}.post_feedforward_layernorm_1"),
        Block("post_ffw_norm_2", "model.layers.{}.post_feedforward_layernorm_2"),
        Block("ffn_gate", "model.layers.{}.mlp.gate_proj", "layers.{}.mlp.gate_proj", "model.layers.{}.feed_forward.gate_proj", "model.layers.{}.feed_forward.w1", "encoder.layers.{}.mlp.fc12", "encoder.layer.{}.mlp.gated_layers_w", "transformer.h.{}.mlp.c_fc_0"),
        Block("ffn_up", "model.layers.{}.mlp.up_proj", "layers.{}.mlp.up_proj", "model.layers.{}.mlp.gate_up_proj", "model.layers.{}.feed_forward.up_proj", "model.layers.{}.feed_forward.w3",
            "encoder.layer.{}.intermediate.dense", "layers.{}.mlp.Wi", "transformer.h.{}.mlp.c_fc_1", "encoder.layers.{}.mlp.dense_h_to_4h", "transformer.layer.{}.ffn.lin1", "encoder.layers.{}.mlp.fc11", "encoder.layers.{}.mlp.fc1", "encoder.layer.{}.mlp.gated_layers", "encoder.layer.{}.mlp.gated_layers_v", "encoder.layer.{}.mlp.up_gated_layer", "model.layers.{}.mlp.fc1", "model.layers.{}.mlp.c_fc", "gpt_neox.layers.{}.mlp.dense_h_to_4h", "transformer.h.{}.mlp.c_fc", "h.{}.mlp.c_fc"),
        Block("ffn_down", "model.layers.{}.mlp.down_proj", "layers.{}.mlp.down_proj", "model.layers.{}.feed_forward.down_proj", "model.layers.{}.feed_forward.w2",
            "encoder.layer.{}.output.dense", "layers.{}.mlp.Wo", "encoder.layers.{}.mlp.dense_4h_to_h", "transformer.layer.{}.ffn.lin2", "encoder.layers.{}.mlp.fc2", "encoder.layer.{}.mlp.wo", "encoder.layer.{}.mlp.down_layer", "model.layers.{}.mlp.fc2", "model.layers.{}.mlp.c_proj", "gpt_neox.layers.{}.mlp.dense_4h_to_h", "transformer.h.{}.mlp.c_proj", "h.{}.mlp.c_proj"),
        Block("layer_output_norm", "encoder.layer.{}.output.LayerNorm", "transformer.layer.{}.output_layer_norm", "encoder.layers.{}.norm2", "encoder.layer.{}.mlp.layernorm", "encoder.layer.{}.layer_norm_2"),
        Block("layer_output_scale", "model.layers.{}.layer_scalar"),

        Block("ffn_gate_inp", "model.layers.{}.mlp.gate", "layers.{}.feed_forward.gate", "model.layers.{}.block_sparse_moe.gate", "model.layers.{}.block_sparse_moe.router.layer",
            "model.layers.{}.feed_forward.gate", "encoder.layers.{}.mlp.router.layer", "model.layers.{}.mlp.router", "model.layers.{}.router.proj", "model.layers.{}.feed_forward.router"),
        Block("ffn_gate_inp_shexp", "model.layers.{}.mlp.shared_expert_gate"),
        Block("exp_probs_b", "model.layers.{}.mlp.gate.e_score_correction", "model.layers.{}.mlp.moe_statics.e_score_correction", "model.layers.{}.feed_forward.expert_bias", "model.layers.{}.block_sparse_moe.e_score_correction"),
        Block("ffn_gate_exps", "layers.{}.feed_forward.experts.w1", "model.layers.{}.mlp.experts.gate_proj", "model.layers.{}.block_sparse_moe.experts.w1", "model.layers.{}.feed_forward.experts.gate_proj"),
        Block("ffn_up_exps", "layers.{}.feed_forward.experts.w3", "model.layers.{}.mlp.experts.up_proj", "model.layers.{}.block_sparse_moe.experts.w3", "encoder.layers.{}.mlp.experts.mlp.w1", "model.layers.{}.feed_forward.experts.up_proj"),
        Block("ffn_down_exps", "layers.{}.feed_forward.experts.w2", "model.layers.{}.mlp.experts.down_proj", "model.layers.{}.block_sparse_moe.experts.w2", "model.layers.{}.block_sparse_moe.output_linear",
            "encoder.layers.{}.mlp.experts.mlp.w2", "model.layers.{}.experts.down_proj", "model.layers.{}.feed_forward.experts.down_proj"),
        Block("ffn_gate_up_exps", "model.layers.{}.mlp.experts.gate_up_proj", "model.layers.{}.experts.gate_up_proj"),
        Block("ffn_gate_shexp", "model.layers.{}.mlp.shared_expert.gate_proj", "model.layers.{}.mlp.shared_experts.gate_proj", "model.layers.{}.feed_forward.shared_expert.gate_proj"),
        Block("ffn_up_shexp", "model.layers.{}.mlp.shared_expert.up_proj", "model.layers.{}.mlp.shared_experts.up_proj", "model.layers.{}.feed_forward.shared_expert.up_proj"),
        Block("ffn_down_shexp", "model.layers.{}.mlp.shared_expert.down_proj", "model.layers.{}.mlp.shared_experts.down_proj", "model.layers.{}.shared_mlp.output_linear", "model.layers.{}.feed_forward.shared_expert.down_proj"),

        Block("ssm_in", "model.layers.{}.in_proj", "backbone.layers.{}.mixer.in_proj", "model.layers.{}.mamba.in_proj"),
        Block("ssm_conv1d", "model.layers.{}.conv1d", "backbone.layers.{}.mixer.conv1d", "model.layers.{}.mamba.conv1d", "model.layers.{}.linear_attn.conv1d"),
        Block("ssm_x", "model.layers.{}.x_proj", "backbone.layers.{}.mixer.x_proj"),
        Block("ssm_dt", "model.layers.{}.dt_proj", "backbone.layers.{}.mixer.dt_proj", "model.layers.{}.mamba.dt_proj", "model.layers.{}.linear_attn.dt_proj"),
        Block("ssm_a", "model.layers.{}.A_log", "backbone.layers.{}.mixer.A_log", "model.layers.{}.mamba.A_log", "model.layers.{}.linear_attn.A_log"),
        Block("ssm_d", "model.layers.{}.D", "backbone.layers.{}.mixer.D", "model.layers.{}.mamba.D"),
        Block("ssm_norm", "backbone.layers.{}.mixer.norm", "model.layers.{}.mamba.norm", "model.layers.{}.linear_attn.norm"),
        Block("ssm_out", "model.layers.{}.out_proj", "backbone.layers.{}.mixer.out_proj", "model.layers.{}.mamba.out_proj", "model.layers.{}.linear_attn.out_proj"),
        Block("ssm_ba", "model.layers.{}.linear_attn.in_proj_ba"),
        Block("ssm_beta", "model.layers.{}.linear_attn.in_proj_b"),
        Block("ssm_alpha", "model.layers.{}.linear_attn.in_proj_a"),
        Block("shortconv.conv", "model.layers.{}.conv.conv"),
        Block("shortconv.in_proj", "model.layers.{}.conv.in_proj"),
        Block("shortconv.out_proj", "model.layers.{}.conv.out_proj"),

        Block("inp_gate", "model.layers.{}.per_layer_input_gate"),
        Block("proj", "model.layers.{}.per_layer_projection"),
        Block("post_norm", "model.layers.{}.post_per_layer_input_norm"),

        Block("nextn.eh_proj", "model.layers.{}.eh_proj"),
        Block("nextn.enorm", "model.layers.{}.enorm"),
        Block("nextn.hnorm", "model.layers.{}.hnorm"),
        Block("nextn.embed_tokens", "model.layers.{}.embed_tokens"),
        Block("nextn.shared_head_head", "model.layers.{}.shared_head.head"),
        Block("nextn.shared_head_norm", "model.layers.{}.shared_head.norm"),
    ];

    private static readonly FrozenDictionary<string, int> s_order =
        s_entries.Select((entry, order) => (entry.Kind, order)).ToFrozenDictionary(pair => pair.Kind, pair => pair.order, StringComparer.Ordinal);

    /// <summary>The entries of the given kinds, in table order.</summary>
    /// <exception cref="KeyNotFoundException">A kind does not exist.</exception>
    internal static IEnumerable<Entry> Of(IEnumerable<string> kinds) => kinds.Select(kind => s_order[kind]).Order().Select(order => s_entries[order]);

    private static Entry Block(string kind, params string[] sources) => new(kind, $"blk.{{}}.{kind}", sources);
}

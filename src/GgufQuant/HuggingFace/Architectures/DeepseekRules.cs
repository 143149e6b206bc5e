using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>Recipes for DeepSeek's models with multi-head latent attention (MLA).</summary>
/// <remarks>convert_hf_to_gguf's <c>DeepseekV2Model</c>.</remarks>
internal static class DeepseekRules
{
    /// <summary>The kinds of tensors.</summary>
    public static string[] Tensors { get; } =
    [
        "token_embd", "output", "output_norm", "rope_freqs",
        "attn_norm", "attn_q", "attn_q_a", "attn_q_a_norm", "attn_q_b", "attn_kv_a_mqa", "attn_kv_a_norm", "attn_k", "attn_k_b", "attn_v", "attn_v_b", "attn_output",
        "ffn_norm", "ffn_gate", "ffn_up", "ffn_down", "ffn_gate_inp", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps", "exp_probs_b",
        "ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp",
    ];

    /// <summary>llama.cpp runs MLA as multi-query attention.</summary>
    public static ModelConfig Prepare(ModelConfig config)
    {
        ModelConfig prepared = config.With("num_key_value_heads", "1");
        return prepared.Contains("rms_norm_eps") ? prepared : prepared.With("rms_norm_eps", "1e-6");
    }

    /// <summary>Whether a tensor is an output matrix identical to the embeddings.</summary>
    public static bool IsTiedOutput(ConversionContext context, string name) =>
        name is "lm_head.weight" or "model.lm_head.weight" && context.Config.FindBoolean("tie_word_embeddings") == true;

    /// <summary>Splits <c>kv_b_proj</c> into the keys' and the values' part, and transposes the former so that it can be absorbed into the queries.</summary>
    public static TensorRule SplitKeysAndValues { get; } = (context, tensor) =>
    {
        if (!tensor.Name.EndsWith("kv_b_proj.weight", StringComparison.Ordinal))
            return [tensor];
        long values = context.Integer("v_head_dim");
        long keys = context.Integer("qk_nope_head_dim");
        (long rows, long columns) = (tensor.Values.Shape[0], tensor.Values.Shape[^1]);
        if (rows % (keys + values) != 0)
            throw new ModelFolderException(context.Folder.Path, $"the tensor '{tensor.Name}' has {rows} rows, which do not divide into heads of {keys} and {values}");
        TensorValues heads = tensor.Values.Reshape(rows / (keys + values), keys + values, columns);
        return
        [
            tensor with { Name = tensor.Name.Replace("kv_b_proj", "k_b_proj", StringComparison.Ordinal), Values = heads.RowsOfEachMatrix(0, 1, keys).Transpose() },
            tensor with { Name = tensor.Name.Replace("kv_b_proj", "v_b_proj", StringComparison.Ordinal), Values = heads.RowsOfEachMatrix(keys, 1, values) },
        ];
    };
}

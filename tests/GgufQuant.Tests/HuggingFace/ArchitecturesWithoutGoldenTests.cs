using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;
using GgufQuant.Tests.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace;

/// <summary>Architectures that no golden file covers.</summary>
/// <remarks>
/// What is expected here was derived by reading llama.cpp's converter of 2026-08-21 (its conversion folder and gguf-py's
/// tables), not by running it.
/// </remarks>
public sealed class ArchitecturesWithoutGoldenTests : IDisposable
{
    private const string Numbers = """
        "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64
        """;

    private const string BaseKeys = "block_count=1 context_length=64 embedding_length=8 feed_forward_length=16 attention.head_count=2 attention.head_count_kv=1";
    private const string Attention = "{0}self_attn.k_proj.weight=4,8 {0}self_attn.o_proj.weight=8,8 {0}self_attn.q_proj.weight=8,8 {0}self_attn.v_proj.weight=4,8";
    private const string FeedForward = "{0}mlp.down_proj.weight=8,16 {0}mlp.gate_proj.weight=16,8 {0}mlp.up_proj.weight=16,8";

    private readonly TemporaryModel _model = new();

    [Fact]
    public void Starcoder2_has_the_base_keys_and_two_matrices_that_feed_forward()
    {
        Write("Starcoder2ForCausalLM", """ "norm_epsilon": 1e-5, "rope_theta": 100000 """,
            $"model.embed_tokens.weight=3,8 L.input_layernorm.weight=8 L.input_layernorm.bias=8 L.mlp.c_fc.weight=16,8 L.mlp.c_fc.bias=16 L.mlp.c_proj.weight=8,16 L.post_attention_layernorm.weight=8 {Attention} model.norm.weight=8");

        AssertKeys("starcoder2", $"{BaseKeys} rope.freq_base=100000 attention.layer_norm_epsilon=1E-05", "general.file_type=1");
        AssertTensors("token_embd.weight", "blk.0.attn_norm.bias", "blk.0.attn_norm.weight", "blk.0.ffn_up.bias", "blk.0.ffn_up.weight", "blk.0.ffn_down.weight", "blk.0.ffn_norm.weight",
            "blk.0.attn_k.weight", "blk.0.attn_output.weight", "blk.0.attn_q.weight", "blk.0.attn_v.weight", "output_norm.weight");
    }

    [Fact]
    public void GPT_NeoX_has_queries_keys_and_values_together_and_no_file_type()
    {
        Write("GPTNeoXForCausalLM", """ "rotary_pct": 0.25, "layer_norm_eps": 1e-5, "hidden_size": 16, "use_parallel_residual": true """,
            "embed_out.weight=3,16 gpt_neox.embed_in.weight=3,16 gpt_neox.final_layer_norm.weight=16 gpt_neox.layers.0.attention.bias=1,1 gpt_neox.layers.0.attention.dense.weight=16,16 "
            + "gpt_neox.layers.0.attention.query_key_value.bias=48 gpt_neox.layers.0.attention.query_key_value.weight=48,16 gpt_neox.layers.0.input_layernorm.weight=16 "
            + "gpt_neox.layers.0.mlp.dense_4h_to_h.weight=16,16 gpt_neox.layers.0.mlp.dense_h_to_4h.weight=16,16 gpt_neox.layers.0.post_attention_layernorm.weight=16");

        AssertKeys("gptneox", "context_length=64 embedding_length=16 block_count=1 feed_forward_length=16 rope.dimension_count=2 attention.head_count=2 use_parallel_residual=True attention.layer_norm_epsilon=1E-05");
        AssertTensors("output.weight", "token_embd.weight", "output_norm.weight", "blk.0.attn_output.weight", "blk.0.attn_qkv.bias", "blk.0.attn_qkv.weight", "blk.0.attn_norm.weight",
            "blk.0.ffn_down.weight", "blk.0.ffn_up.weight", "blk.0.ffn_norm.weight");
        // Two heads of eight rows each: of both the queries, then the keys, then the values.
        int[] expected = [.. Enumerable.Range(0, 8), .. Enumerable.Range(24, 8), .. Enumerable.Range(8, 8), .. Enumerable.Range(32, 8), .. Enumerable.Range(16, 8), .. Enumerable.Range(40, 8)];
        Assert.Equal(expected, RowsOf("blk.0.attn_qkv.weight"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("transformer.")]
    public void GPT_2_has_its_matrices_transposed(string prefix)
    {
        Write("GPT2LMHeadModel", """ "n_ctx": 32, "n_embd": 8, "n_head": 2, "n_layer": 1, "layer_norm_epsilon": 1e-5 """, string.Join(' ', new[]
        {
            "h.0.attn.bias=1,1", "h.0.attn.c_attn.bias=24", "h.0.attn.c_attn.weight=8,24", "h.0.attn.c_proj.weight=8,8", "h.0.ln_1.weight=8", "h.0.ln_2.bias=8",
            "h.0.mlp.c_fc.weight=8,32", "h.0.mlp.c_proj.weight=32,8", "ln_f.weight=8", "wpe.weight=32,8", "wte.weight=3,8",
        }.Select(tensor => prefix + tensor)));

        AssertKeys("gpt2", "block_count=1 context_length=32 embedding_length=8 feed_forward_length=32 attention.head_count=2 attention.layer_norm_epsilon=1E-05", "general.file_type=1");
        AssertTensors("blk.0.attn_qkv.bias", "blk.0.attn_qkv.weight", "blk.0.attn_output.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.bias", "blk.0.ffn_up.weight", "blk.0.ffn_down.weight",
            "output_norm.weight", "position_embd.weight", "token_embd.weight");
        using HuggingFaceModel model = Open();
        Assert.Equal([8L, 32], model.File.FindTensor("blk.0.ffn_up.weight")!.Shape);
        ReadOnlySpan<Half> values = MemoryMarshal.Cast<byte, Half>(model.File.Read(model.File.FindTensor("blk.0.ffn_up.weight")!));
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], values[..8].ToArray().Select(value => (int)value));
    }

    [Fact]
    public void Phi_2_says_that_nothing_stands_in_front_of_a_text()
    {
        Write("PhiForCausalLM", """ "layer_norm_eps": 1e-5, "partial_rotary_factor": 0.5 """,
            "lm_head.weight=3,8 lm_head.bias=3 model.embed_tokens.weight=3,8 model.final_layernorm.weight=8 L.input_layernorm.weight=8 L.mlp.fc1.weight=32,8 L.mlp.fc2.weight=8,32 "
            + "L.self_attn.dense.weight=8,8 L.self_attn.k_proj.weight=8,8 L.self_attn.q_proj.weight=8,8 L.self_attn.v_proj.weight=8,8");

        AssertKeys("phi2",
            "context_length=64 embedding_length=8 feed_forward_length=32 block_count=1 attention.head_count=2 attention.head_count_kv=2 attention.layer_norm_epsilon=1E-05 rope.dimension_count=2",
            "general.file_type=1", "tokenizer.ggml.add_bos_token=False");
        AssertTensors("output.bias", "output.weight", "token_embd.weight", "output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_up.weight", "blk.0.ffn_down.weight",
            "blk.0.attn_output.weight", "blk.0.attn_k.weight", "blk.0.attn_q.weight", "blk.0.attn_v.weight");
    }

    [Fact]
    public void The_first_OLMo_has_no_norms_and_may_clamp()
    {
        Write("OlmoForCausalLM", """ "clip_qkv": 8.0, "rope_theta": 10000.0 """, $"lm_head.weight=3,8 model.embed_tokens.weight=3,8 {FeedForward} {Attention}");

        AssertKeys("olmo", $"{BaseKeys} rope.freq_base=10000 attention.layer_norm_epsilon=1E-05 attention.clamp_kqv=8", "general.file_type=1");
        AssertTensors("output.weight", "token_embd.weight", "blk.0.ffn_down.weight", "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight",
            "blk.0.attn_k.weight", "blk.0.attn_output.weight", "blk.0.attn_q.weight", "blk.0.attn_v.weight");
        Assert.Equal([0, 2, 1, 3, 4, 6, 5, 7], RowsOf("blk.0.attn_q.weight"));
    }

    [Fact]
    public void Dots_has_shared_experts_beside_those_that_are_stacked()
    {
        string experts = string.Join(' ', Enumerable.Range(0, 2).Select(expert => FeedForward.Replace("mlp.", $"mlp.experts.{expert}.", StringComparison.Ordinal)));
        Write("Dots1ForCausalLM",
            """ "moe_intermediate_size": 16, "first_k_dense_replace": 0, "n_routed_experts": 2, "n_shared_experts": 1, "num_experts_per_tok": 1, "routed_scaling_factor": 2.5, "norm_topk_prob": true, "rms_norm_eps": 1e-6, "scoring_func": "sigmoid" """,
            $"model.embed_tokens.weight=3,8 {experts} {{0}}mlp.gate.weight=2,8 {{0}}mlp.gate.e_score_correction_bias=2 {FeedForward.Replace("mlp.", "mlp.shared_experts.", StringComparison.Ordinal)} L.self_attn.q_norm.weight=4");

        AssertKeys("dots1",
            $"{BaseKeys} attention.layer_norm_rms_epsilon=1E-06 expert_count=2 expert_used_count=1 expert_gating_func=2 expert_feed_forward_length=16 leading_dense_block_count=0 expert_shared_count=1 expert_weights_scale=2.5 expert_weights_norm=True",
            "general.file_type=1");
        AssertTensors("token_embd.weight", "blk.0.ffn_down_exps.weight", "blk.0.ffn_gate_exps.weight", "blk.0.ffn_up_exps.weight", "blk.0.exp_probs_b.bias", "blk.0.ffn_gate_inp.weight",
            "blk.0.ffn_down_shexp.weight", "blk.0.ffn_gate_shexp.weight", "blk.0.ffn_up_shexp.weight", "blk.0.attn_q_norm.weight");
    }

    [Fact]
    public void Llama_4_has_experts_beside_one_for_all_and_rotates_as_it_is()
    {
        Write("Llama4ForCausalLM",
            """ "intermediate_size_mlp": 32, "interleave_moe_layer_step": 1, "num_local_experts": 2, "num_experts_per_tok": 1, "rms_norm_eps": 1e-5, "rope_theta": 500000, "head_dim": 4 """,
            "language_model.model.embed_tokens.weight=3,8 language_model.model.layers.0.feed_forward.experts.down_proj=2,16,8 language_model.model.layers.0.feed_forward.experts.gate_up_proj=2,8,32 "
            + "language_model.model.layers.0.feed_forward.router.weight=2,8 language_model.model.layers.0.feed_forward.shared_expert.down_proj.weight=8,16 "
            + "language_model.model.layers.0.self_attn.q_proj.weight=8,8 multi_modal_projector.linear_1.weight=8,8");

        AssertKeys("llama4",
            $"{BaseKeys.Replace("feed_forward_length=16", "feed_forward_length=32", StringComparison.Ordinal)} rope.freq_base=500000 attention.layer_norm_rms_epsilon=1E-05 expert_count=2 expert_used_count=1 attention.key_length=4 attention.value_length=4 "
            + "vocab_size=3 rope.dimension_count=4 interleave_moe_layer_step=1 expert_feed_forward_length=16",
            "general.file_type=1");
        AssertTensors("token_embd.weight", "blk.0.ffn_down_exps.weight", "blk.0.ffn_gate_exps.weight", "blk.0.ffn_up_exps.weight", "blk.0.ffn_gate_inp.weight", "blk.0.ffn_down_shexp.weight", "blk.0.attn_q.weight");
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], RowsOf("blk.0.attn_q.weight"));
        using HuggingFaceModel model = Open();
        Assert.Equal([8L, 16, 2], model.File.FindTensor("blk.0.ffn_gate_exps.weight")!.Shape);
        Assert.Equal([16L, 8, 2], model.File.FindTensor("blk.0.ffn_down_exps.weight")!.Shape);
        // What was a row of each matrix is a column.
        ReadOnlySpan<Half> values = MemoryMarshal.Cast<byte, Half>(model.File.Read(model.File.FindTensor("blk.0.ffn_up_exps.weight")!));
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], values[..8].ToArray().Select(value => (int)value));
    }

    [Fact]
    public void MiniCPM_scales_and_has_factors_for_long_texts()
    {
        Write("MiniCPMForCausalLM",
            """ "scale_emb": 12, "scale_depth": 1.4, "dim_model_base": 4, "rms_norm_eps": 1e-5, "rope_scaling": {"rope_type": "longrope", "long_factor": [1, 2], "short_factor": [3, 4]} """,
            $"model.embed_tokens.weight=3,8 L.input_layernorm.weight=8 {FeedForward} {Attention} L.post_attention_layernorm.weight=8 model.norm.weight=8", pieces: 3);

        AssertKeys("minicpm",
            $"{BaseKeys} rope.scaling.type=longrope attention.layer_norm_rms_epsilon=1E-05 embedding_scale=12 residual_scale=1.4 logit_scale=2", "general.file_type=1");
        AssertTensors("rope_factors_long.weight", "rope_factors_short.weight", "token_embd.weight", "blk.0.attn_norm.weight", "blk.0.ffn_down.weight", "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight",
            "blk.0.ffn_norm.weight", "blk.0.attn_k.weight", "blk.0.attn_output.weight", "blk.0.attn_q.weight", "blk.0.attn_v.weight", "output_norm.weight");
    }

    [Fact]
    public void Embedding_Gemma_is_Gemma_3_that_pools()
    {
        _model.Write("modules.json", """[{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}, {"type": "sentence_transformers.models.Dense", "path": "2_Dense"}]""");
        Directory.CreateDirectory(_model.PathOf("1_Pooling"));
        _model.Write(Path.Combine("1_Pooling", "config.json"), """{"pooling_mode_mean_tokens": true}""");
        Write("Gemma3TextModel", """ "head_dim": 4, "rms_norm_eps": 1e-6, "rope_theta": 1000000, "rope_local_base_freq": 10000, "sliding_window": 512 """,
            "embed_tokens.weight=3,8 layers.0.input_layernorm.weight=8 layers.0.mlp.down_proj.weight=8,16 layers.0.post_attention_layernorm.weight=8 layers.0.pre_feedforward_layernorm.weight=8 "
            + "layers.0.post_feedforward_layernorm.weight=8 layers.0.self_attn.q_norm.weight=4 layers.0.self_attn.q_proj.weight=8,8 norm.weight=8", pieces: 3);

        AssertKeys("gemma-embedding",
            $"{BaseKeys} rope.freq_base=1000000 rope.freq_base_swa=10000 attention.layer_norm_rms_epsilon=1E-06 attention.key_length=4 attention.value_length=4 attention.sliding_window=512 pooling_type=1",
            "general.file_type=1");
        AssertTensors("token_embd.weight", "blk.0.attn_norm.weight", "blk.0.ffn_down.weight", "blk.0.post_attention_norm.weight", "blk.0.post_ffw_norm.weight", "blk.0.ffn_norm.weight",
            "blk.0.attn_q_norm.weight", "blk.0.attn_q.weight", "output_norm.weight");
        using HuggingFaceModel model = Open();
        Assert.Equal([1f, 2, 3, 4, 5, 6, 7, 8], MemoryMarshal.Cast<byte, float>(model.File.Read(model.File.FindTensor("output_norm.weight")!)).ToArray());
        Assert.DoesNotContain(model.Warnings, warning => warning.Contains("prefix", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_reranker_of_Qwen3_has_the_rows_of_yes_and_no_for_a_classifier(bool isTied)
    {
        _model.Write("README.md", "---\nlicense: mit\n---\n# Qwen3-Reranker-0.6B\n");
        Write("Qwen3ForCausalLM", $""" "head_dim": 4, "rms_norm_eps": 1e-6, "rope_theta": 1000000, "tie_word_embeddings": {(isTied ? "true" : "false")} """,
            $"{(isTied ? "" : "lm_head.weight=3,8 ")}model.embed_tokens.weight=3,8 model.norm.weight=8");

        AssertKeys("qwen3",
            $"{BaseKeys} rope.freq_base=1000000 attention.layer_norm_rms_epsilon=1E-06 attention.key_length=4 attention.value_length=4 pooling_type=4 classifier.output_labels=yes,no", "general.file_type=1");
        AssertTensors("cls.output.weight", "token_embd.weight", "output_norm.weight");
        Assert.Equal([1, 2], RowsOf("cls.output.weight"));
        using HuggingFaceModel model = Open();
        Assert.Equal((string[])["rerank"], model.File.Metadata.Find("tokenizer.chat_templates")!.Value);
        Assert.EndsWith("<think>\n\n</think>\n\n", (string)model.File.Metadata.Find("tokenizer.chat_template.rerank")!.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_Qwen3_keeps_its_output()
    {
        Write("Qwen3ForCausalLM", """ "head_dim": 4, "rms_norm_eps": 1e-6 """, "lm_head.weight=3,8 model.embed_tokens.weight=3,8 model.norm.weight=8");
        AssertTensors("output.weight", "token_embd.weight", "output_norm.weight");
    }

    public void Dispose() => _model.Dispose();

    // Each value of a tensor is the number of its row; of a vector, that of its place.
    private void Write(string type, string config, string tensors, int pieces = 0)
    {
        JsonObject merged = JsonNode.Parse($$"""{ "architectures": ["{{type}}"], "vocab_size": 3, {{Numbers}} }""")!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse($"{{ {config} }}")!.AsObject())
            merged[key] = value?.DeepClone();
        _model.Write("config.json", merged.ToJsonString());
        if (pieces > 0)
            _model.Write("tokenizer.model", SentencePieceBytes.Model(2, [.. Enumerable.Range(0, pieces).Select(piece => ($"p{piece}", 0f, 1))]));
        else
            _model.Write("tokenizer.json", """{ "model": { "type": "BPE", "vocab": { "a": 0, "yes": 1, "no": 2 }, "merges": [] }, "decoder": { "type": "ByteLevel" } }""");

        JsonObject header = [];
        List<byte> data = [];
        foreach (string tensor in tensors.Replace("{0}", "L.", StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = tensor.Split('=');
            int[] shape = [.. parts[1].Split(',').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
            int columns = shape.Length == 1 ? 1 : shape[^1];
            int start = data.Count;
            for (int i = 0; i < shape.Aggregate((a, b) => a * b); i++)
                data.AddRange(MemoryMarshal.AsBytes<Half>([(Half)(i / columns)]));
            header[parts[0].StartsWith("L.", StringComparison.Ordinal) ? $"model.layers.0.{parts[0][2..]}" : parts[0]] = new JsonObject
            {
                ["dtype"] = "F16",
                ["shape"] = new JsonArray([.. shape.Select(dimension => (JsonNode)dimension)]),
                ["data_offsets"] = new JsonArray(start, data.Count),
            };
        }
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        byte[] length = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        _model.Write("model.safetensors", [.. length, .. json, .. data]);
    }

    private HuggingFaceModel Open() => HuggingFaceModel.Open(_model.FullName, new() { PreTokenizer = "gpt-2", UsesDefaults = false });

    // The keys of the architecture in their order, then those that follow them before the vocabulary's own.
    private void AssertKeys(string architecture, string keys, params string[] others)
    {
        using HuggingFaceModel model = Open();
        string prefix = $"{architecture}.";
        Assert.Equal(architecture, model.File.Metadata.Find(GgufKeys.Architecture)!.Value);
        Assert.Equal(
            keys.Split(' '),
            model.File.Metadata.Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(entry => $"{entry.Key[prefix.Length..]}={Text(entry.Value)}"));
        foreach (string other in others)
            Assert.Equal(other, $"{other.Split('=')[0]}={Text(model.File.Metadata.Find(other.Split('=')[0])!.Value)}");
        if (others.Length == 0)
            Assert.Null(model.File.Metadata.Find(GgufKeys.FileType));
    }

    private void AssertTensors(params string[] names)
    {
        using HuggingFaceModel model = Open();
        Assert.Equal(names, model.File.Tensors.Select(tensor => tensor.Name));
    }

    private int[] RowsOf(string name)
    {
        using HuggingFaceModel model = Open();
        GgufTensor tensor = model.File.FindTensor(name)!;
        ReadOnlySpan<Half> values = MemoryMarshal.Cast<byte, Half>(model.File.Read(tensor));
        int[] rows = new int[tensor.Shape[1]];
        for (int row = 0; row < rows.Length; row++)
            rows[row] = (int)values[row * (int)tensor.Shape[0]];
        return rows;
    }

    private static string Text(object value) =>
        value is string[] texts ? string.Join(',', texts) : Convert.ToString(value, CultureInfo.InvariantCulture)!;
}

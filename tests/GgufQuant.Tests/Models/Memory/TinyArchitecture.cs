using GgufQuant.Gguf;

namespace GgufQuant.Tests.Models;

/// <summary>The metadata of a small model of an architecture: one set of keys that suits all, and what some need besides.</summary>
internal sealed class TinyArchitecture
{
    private const int Vocabulary = 128;
    private const int Window = 1024;

    private static readonly string[] s_latent = ["deepseek2", "deepseek32", "glm-dsa", "dots3note", "kimi-linear", "bailingmoe3", "kimi-k3", "mistral4", "hy_v4"];
    private static readonly string[] s_hybrid = ["plamo2", "jamba", "nemotron_h", "nemotron_h_moe", "granitehybrid", "lfm2", "lfm2moe", "kimi-linear", "bailingmoe3", "kimi-k3"];
    private static readonly string[] s_patterns = ["cohere2moe", "mimo2", "step35", "muse-glimmer", "granite_swa", "dots3note", "maple", "spark2_5"];
    private static readonly string[] s_deltaNets = ["qwen3next", "qwen35", "qwen35moe", "qwen4exp"];

    private static readonly string[] s_experts =
    [
        "grok", "qwen2moe", "qwen3moe", "qwen3next", "qwen3vlmoe", "qwen35moe", "qwen4exp", "phimoe", "cohere2moe", "dbrx", "olmoe", "arctic", "deepseek",
        "deepseek2", "deepseek2-ocr", "deepseek32", "dots3note", "deepseek4", "glm4moe", "glm-dsa", "exaone-moe", "bailingmoe", "bailingmoe2", "bailingmoe3",
        "dots1", "afmoe", "ernie4_5-moe", "hunyuan-moe", "hy_v3", "hy_v4", "gpt-oss", "lfm2moe", "smallthinker", "llada-moe", "grovemoe", "minimax-01",
        "minimax-m2", "minimax-m3", "rnd1", "mimo2", "kimi-linear", "kimi-k3", "step35", "mistral4", "mellum", "laguna", "maple", "llama4",
        "nomic-bert-moe", "granitemoe", "nemotron_h_moe", "jamba", "granite_swa",
    ];

    private readonly SortedDictionary<string, object> _keys = new(StringComparer.Ordinal);
    private readonly int _layers;
    private readonly int _heads = 2;
    private readonly uint _embedding = 256;
    private readonly uint _feedForward = 384;

    internal TinyArchitecture(string name, int draftLayers = 0, int layers = 2, IReadOnlyDictionary<string, object>? with = null)
    {
        Name = name;
        _layers = layers;
        bool isLatent = s_latent.Contains(name);
        switch (name)
        {
            case "llama4":
                _layers = 4;
                break;
            case "gemma4":
                (_embedding, _feedForward, _layers) = (128, 192, 5);
                break;
            case "gemma3n":
                (_embedding, _heads, _feedForward, _layers) = (64, 1, 96, 22);
                break;
            case "deepseek4":
                (_embedding, _heads, _feedForward, _layers) = (512, 8, 1024, 4);
                break;
            case "step35" or "laguna":
                _embedding = 160;
                break;
            case "qwen3" or "muse-glimmer" or "afmoe":
                _heads = 4;
                break;
            case "nemotron_h" or "nemotron_h_moe":
                _layers = 3;
                break;
            case "hrm_text":
                _layers = 8;
                break;
            case "exaone4":
                _layers = 64;
                break;
            default:
                if (isLatent)
                    (_embedding, _heads, _feedForward) = (128, 1, 192);
                break;
        }
        HeadLength = _embedding / (uint)_heads;
        Dimensions(draftLayers);
        Attention(isLatent);
        Windows();
        Experts();
        States();
        Rest();
        foreach ((string key, object value) in with ?? new Dictionary<string, object>())
            _keys[key] = value;
    }

    /// <summary>All architectures of v0.5.0 that can be made so; the others need another model, or crash without weights.</summary>
    internal static IReadOnlyList<string> All { get; } =
    [
        "llama", "llama4", "deci", "falcon", "grok", "gpt2", "gptneox", "mpt", "baichuan", "starcoder", "refact", "bert", "modern-bert", "nomic-bert",
        "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3", "eurobert", "bloom", "stablelm", "qwen", "qwen2", "qwen2moe", "qwen2vl", "qwen3",
        "qwen3moe", "qwen3next", "qwen3vl", "qwen3vlmoe", "qwen35", "qwen35moe", "qwen4exp", "phi2", "phi3", "phimoe", "plamo", "plamo2", "plamo3",
        "codeshell", "orion", "internlm2", "minicpm", "minicpm3", "gemma", "gemma2", "gemma3", "gemma3n", "gemma4", "gemma-embedding", "starcoder2",
        "mamba", "mamba2", "maple", "jamba", "falcon-h1", "xverse", "command-r", "cohere2", "cohere2moe", "dbrx", "olmo", "olmo2", "olmoe",
        "muse-glimmer", "openelm", "arctic", "deepseek", "deepseek2", "deepseek2-ocr", "deepseek32", "deepseek4", "chatglm", "glm4", "glm4moe",
        "glm-dsa", "bitnet", "t5", "t5encoder", "jais", "jais2", "nemotron", "nemotron_h", "nemotron_h_moe", "exaone", "exaone4", "exaone-moe", "rwkv6",
        "rwkv6qwen2", "rwkv7", "arwkv7", "granite", "granitemoe", "granitehybrid", "granite_swa", "wavtokenizer-dec", "bailingmoe", "bailingmoe2",
        "bailingmoe3", "dots1", "dots3note", "arcee", "afmoe", "laguna", "ernie4_5", "ernie4_5-moe", "hunyuan-moe", "hunyuan-dense", "hunyuan_vl",
        "hy_v3", "hy_v4", "smollm3", "gpt-oss", "lfm2", "lfm2moe", "dream", "smallthinker", "llada", "llada-moe", "seed_oss", "grovemoe", "apertus",
        "minimax-01", "hrm_text", "minimax-m2", "minimax-m3", "cogvlm", "rnd1", "pangu-embedded", "mistral3", "mistral4", "paddleocr", "mimo2",
        "step35", "spark2_5", "llama-embed", "maincoder", "kimi-linear", "kimi-k3", "talkie", "mellum", "nanbeige", "qwen3tts",
    ];

    internal string Name { get; }

    internal uint HeadLength { get; }

    internal IEnumerable<GgufEntry> Metadata =>
    [
        GgufEntry.Create(GgufKeys.Architecture, Name),
        GgufEntry.Create("tokenizer.ggml.model", "no_vocab"),
        .. _keys.Select(key => GgufEntry.Create(key.Key.StartsWith(':') ? key.Key[1..] : $"{Name}.{key.Key}", key.Value)),
    ];

    /// <summary>Tensors that the library loads without, and then crashes.</summary>
    internal IEnumerable<string> OptionalTensors => Name switch
    {
        "qwen3next" => [.. Block([0], "attn_qkv.weight", "attn_gate.weight"), .. Block([1], "attn_q.weight", "attn_k.weight", "attn_v.weight")],
        "qwen35" or "qwen35moe" => Block([.. Enumerable.Range(0, _layers).Where(layer => layer % 2 == 0)], "attn_qkv.weight", "attn_gate.weight"),
        "phi3" => Block([.. Enumerable.Range(0, _layers)], "attn_qkv.weight"),
        "falcon-h1" => Block([0, 1], "ssm_conv1d.bias"),
        "granitehybrid" or "nemotron_h" or "nemotron_h_moe" => Block([1], "ssm_conv1d.bias"),
        "glm-dsa" => Block([0, 1], "indexer.k_norm.weight", "indexer.k_norm.bias", "indexer.proj.weight", "indexer.attn_k.weight", "indexer.attn_q_b.weight"),
        "rwkv6" or "rwkv6qwen2" => Block([0, 1], "time_mix_lerp_fused.weight"),
        "t5" => ["enc.blk.0.attn_rel_b.weight", "dec.blk.0.attn_rel_b.weight"],
        "t5encoder" => ["enc.blk.0.attn_rel_b.weight"],
        _ => [],
    };

    /// <summary>Tensors that the library checks by an assertion, so that they must be right at once.</summary>
    internal IEnumerable<(string Name, long[] Shape)> GivenTensors => Name switch
    {
        "jina-bert-v2" => Block([0, 1], "ffn_up.weight").Select(name => (name, new long[] { _embedding, 2 * _feedForward })),
        "laguna" => Block([0, 1], "attn_gate.weight").Select(name => (name, new long[] { _embedding, _embedding })),
        _ => [],
    };

    private static IEnumerable<string> Block(int[] layers, params string[] names) => layers.SelectMany(layer => names.Select(name => $"blk.{layer}.{name}"));

    private uint[] PerLayer(Func<int, uint> value) => [.. Enumerable.Range(0, _layers).Select(value)];

    private void Dimensions(int draftLayers)
    {
        _keys["vocab_size"] = Name == "qwen3tts" ? 4096u : Vocabulary;
        _keys["context_length"] = 131072u;
        _keys["embedding_length"] = _embedding;
        _keys["features_length"] = _embedding;
        _keys["block_count"] = (uint)(_layers + draftLayers);
        if (draftLayers > 0)
            _keys["nextn_predict_layers"] = (uint)draftLayers;
        _keys["leading_dense_block_count"] = 1u;
        _keys["feed_forward_length"] = Name is "nemotron_h" or "nemotron_h_moe" ? PerLayer(layer => layer <= 1 ? 0 : _feedForward) : _feedForward;
    }

    private void Attention(bool isLatent)
    {
        uint heads = (uint)_heads;
        object perLayer = s_hybrid.Contains(Name) ? PerLayer(layer => layer == 1 ? 0 : heads) : heads;
        _keys["attention.head_count"] = perLayer;
        _keys["attention.head_count_kv"] = Name switch
        {
            "deepseek4" or "qwen3" => 1u,
            "muse-glimmer" or "afmoe" => 2u,
            _ => perLayer,
        };
        if (Name == "deepseek4")
        {
            _keys["attention.key_length"] = HeadLength;
            _keys["attention.value_length"] = HeadLength;
            _keys["rope.dimension_count"] = HeadLength / 2;
        }
        if (Name == "minimax-m3")
            _keys["rope.dimension_count"] = 64u;
        if (isLatent)
        {
            _keys["attention.key_length"] = 576u;
            _keys["attention.value_length"] = 512u;
            _keys["rope.dimension_count"] = 64u;
            _keys["attention.key_length_mla"] = 192u;
            _keys["attention.value_length_mla"] = 128u;
        }
        _keys["attention.max_alibi_bias"] = 8f;
        _keys["attention.clamp_kqv"] = 1f;
        _keys["attention.layer_norm_epsilon"] = 1e-5f;
        _keys["attention.layer_norm_rms_epsilon"] = 1e-5f;
        _keys["attention.group_norm_epsilon"] = 1e-5f;
        _keys["attention.group_norm_groups"] = 8u;
        _keys["attention.q_lora_rank"] = Name == "deepseek4" ? 64u : 512u;
        _keys["attention.kv_lora_rank"] = 512u;
        _keys["attention.relative_buckets_count"] = 8u;
        _keys["attention.indexer.head_count"] = Name == "minimax-m3" ? heads : 64u;
        _keys["attention.indexer.key_length"] = 128u;
        _keys["attention.indexer.top_k"] = 8u;
        _keys["attention.indexer.block_size"] = 4u;
        _keys["attention.indexer.local_blocks"] = 1u;
        _keys["rope.dimension_sections"] = Enumerable.Repeat(HeadLength / 4, 4).ToArray();
    }

    private void Windows()
    {
        _keys["attention.sliding_window"] = (uint)Window;
        _keys["attention.sliding_window_pattern"] =
            Name == "gemma4" ? Enumerable.Range(0, _layers).Select(layer => layer % 5 != 4).ToArray()
            : s_patterns.Contains(Name) ? PerLayer(layer => (uint)layer % 2)
            : 2u;
        if (Name == "gemma4")
        {
            _keys["embedding_length_per_layer_input"] = _embedding / 2;
            _keys["attention.shared_kv_layers"] = 0u;
            _keys["attention.key_length_swa"] = HeadLength;
            _keys["attention.value_length_swa"] = HeadLength;
        }
        if (Name == "dots3note")
        {
            _keys["attention.kv_lora_rank_swa"] = 512u;
            _keys["attention.key_length_swa"] = 576u;
            _keys["attention.value_length_swa"] = 512u;
            _keys["attention.key_length_mla_swa"] = 192u;
            _keys["attention.value_length_mla_swa"] = 128u;
            _keys["attention.indexer.types"] = PerLayer(layer => layer % 2 == 0 ? 1u : 0);
        }
        _keys["rope.freq_base_swa"] = 10000f;
    }

    private void Experts()
    {
        if (!s_experts.Contains(Name))
            return;
        _keys["expert_feed_forward_length"] = _feedForward;
        _keys["expert_shared_feed_forward_length"] = _feedForward / 2;
        _keys["expert_latent_length"] = _feedForward;
        _keys["interleave_moe_layer_step"] = 2u;
        _keys["expert_count"] = 2u;
        _keys["expert_used_count"] = 1u;
        _keys["expert_shared_count"] = 1u;
        _keys["expert_gating_func"] = Name == "deepseek4" ? 4u : 2u;
        _keys["expert_group_scale"] = 1f;
        _keys["experts_per_group"] = 1u;
    }

    private void States()
    {
        _keys["ssm.inner_size"] = s_deltaNets.Contains(Name) ? 256u : 2 * _embedding;
        _keys["ssm.conv_kernel"] = 4u;
        _keys["ssm.state_size"] = 128u;
        _keys["ssm.time_step_rank"] = (uint)_heads;
        _keys["ssm.group_count"] = Name == "plamo2" ? 0u : 2;
        _keys["kda.head_dim"] = 128u;
        _keys["kda.safe_gate"] = true;
        _keys["kda.gate_lower_bound"] = -5f;
        _keys["wkv.head_size"] = HeadLength;
        _keys["shortconv.l_cache"] = 3u;
        _keys["full_attention_interval"] = 2u;
        if (Name is "rwkv6qwen2" or "arwkv7")
            _keys["token_shift_count"] = 1u;
        foreach (string rank in (string[])["decay_lora_rank", "iclr_lora_rank", "value_residual_mix_lora_rank", "gate_lora_rank"])
            _keys[$"attention.{rank}"] = 64u;
        _keys["time_mix_extra_dim"] = 64u;
        _keys["time_decay_extra_dim"] = 128u;
    }

    private void Rest()
    {
        _keys["use_parallel_residual"] = false;
        _keys["logit_scale"] = 1f;
        _keys["residual_scale"] = 3.5f;
        _keys["posnet.embedding_length"] = _embedding;
        _keys["posnet.block_count"] = (uint)_layers;
        _keys["convnext.embedding_length"] = _embedding;
        _keys["convnext.block_count"] = (uint)_layers;
        foreach (string key in (string[])["alpha_n", "alpha_p", "beta", "eps"])
            _keys[$":xielu.{key}"] = 1f;
        _keys["attn_res.block_size"] = 12u;
        _keys["activation.situ_beta"] = 4f;
        _keys["activation.situ_linear_beta"] = 25f;
        _keys[":tokenizer.ggml.token_type_count"] = 2u;
        switch (Name)
        {
            case "maple":
                _keys["swiglu_clamp_exp"] = new float[_layers];
                break;
            case "bailingmoe3":
                _keys["swiglu_clamp_exp"] = new[] { 0f, 4f };
                _keys["swiglu_clamp_shexp"] = new[] { 0f, 5f };
                break;
            case "hrm_text":
                _keys["hrm.layers_per_stack"] = 1u;
                _keys["hrm.h_cycles"] = 2u;
                _keys["hrm.l_cycles"] = 3u;
                break;
            case "qwen4exp":
                _keys["hyper_connection.count"] = 4u;
                _keys["hyper_connection.low_rank"] = 8u;
                _keys["attention.compress_ratios"] = PerLayer(_ => 4);
                break;
            case "hy_v4" or "deepseek4":
                _keys["hyper_connection.count"] = 4u;
                _keys["hyper_connection.sinkhorn_iterations"] = 2u;
                _keys["hyper_connection.epsilon"] = 1e-6f;
                _keys["hyper_connection.magnitude"] = 1f;
                _keys["hash_layer_count"] = 0u;
                _keys["swiglu_clamp_exp"] = 10f;
                _keys["expert_weights_scale"] = 1f;
                _keys["expert_weights_norm"] = true;
                _keys["attention.indexer.types"] = PerLayer(_ => 1);
                _keys["attention.output_group_count"] = 8u;
                _keys["attention.output_lora_rank"] = 32u;
                _keys["attention.compress_ratios"] = new uint[] { 0, 0, 4, 128 };
                _keys["attention.compress_rope_freq_base"] = 160000f;
                break;
        }
    }
}

using GgufQuant.Checks;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Tests.Gguf;

namespace GgufQuant.Tests.Checks;

/// <summary>A small model of any architecture, grown from what its check finds missing.</summary>
/// <param name="Metadata">Its keys.</param>
/// <param name="Tensors">Its tensors.</param>
internal sealed record SyntheticModel(IReadOnlyList<(string Key, object Value)> Metadata, IReadOnlyList<(GgufTensorInfo Info, byte[] Data)> Tensors)
{
    private const int MostRounds = 60;
    private const int Tokens = 300;

    // One of two forms in which the same weights may come, so neither is required.
    private const string Fused = "time_mix_lerp_fused.weight";

    // Architectures that load with experts only.
    private static readonly string[] s_experts =
        """
        afmoe arctic bailingmoe bailingmoe2 bailingmoe3 cohere2moe dbrx deepseek deepseek2 deepseek2-ocr deepseek32 deepseek4 dots1 dots3note ernie4_5-moe exaone-moe
        glm-dsa glm4moe gpt-oss granitemoe grok grovemoe hunyuan-moe hy_v3 hy_v4 kimi-k3 kimi-linear laguna lfm2moe llada-moe llama4 maple mellum mimo2 minimax-01
        minimax-m2 minimax-m3 mistral4 nemotron_h_moe nomic-bert-moe olmoe phimoe qwen2moe qwen35moe qwen3moe qwen3next qwen3vlmoe qwen4exp rnd1 smallthinker step35
        """.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);

    // Values that agree with each other, for the keys of an architecture that need them; 2 for any other number.
    private static readonly Dictionary<string, object> s_values = new()
    {
        ["context_length"] = 128u,
        ["embedding_length"] = 64u,
        ["block_count"] = 2u,
        ["feed_forward_length"] = 96u,
        ["attention.head_count"] = 4u,
        ["attention.head_count_kv"] = 2u,
        ["attention.layer_norm_rms_epsilon"] = 1e-5f,
        ["attention.layer_norm_epsilon"] = 1e-5f,
        ["expert_feed_forward_length"] = 48u,
        ["expert_shared_feed_forward_length"] = 48u,
        ["ssm.inner_size"] = 128u,
        ["ssm.state_size"] = 16u,
        ["ssm.conv_kernel"] = 4u,
        ["ssm.time_step_rank"] = 8u,
        ["attention.key_length_mla"] = 24u,
        ["attention.value_length_mla"] = 16u,
        ["attention.kv_lora_rank"] = 32u,
        ["attention.q_lora_rank"] = 24u,
        ["kda.gate_lower_bound"] = -1f,
        ["wkv.head_size"] = 16u,
        ["attention.gate_lora_rank"] = 8u,
        ["features_length"] = 64u,
        ["target_hidden_size"] = 64u,
    };

    // What an architecture cannot do without, though each of its keys may be missing.
    private static readonly Dictionary<string, (string Key, object Value)[]> s_further = new()
    {
        ["deepseek32"] = [("attention.key_length_mla", 24u), ("attention.value_length_mla", 16u)],
        ["cohere2moe"] = [("attention.layer_norm_epsilon", 1e-5f)],
        ["deepseek4"] = [("expert_gating_func", 4u), ("attention.compress_ratios", new[] { 0u, 0u })],
        ["qwen4exp"] =
        [
            ("full_attention_interval", 2u), ("attention.compress_ratios", new[] { 0u, 4u }), ("ple.layers", new[] { 0 }),
            ("ple.ngram_size", 3u), ("ple.heads_per_ngram", 2u), ("ple.layer_multipliers", new ulong[] { 1, 20_000_000_000_000, 3 }),
            ("ple.head_offsets", new ulong[] { 0, 10, 20, 30 }), ("ple.head_vocab_sizes", new ulong[] { 10, 10, 10, 10 }),
        ],
        ["glm-dsa"] = [("attention.key_length_mla", 24u), ("attention.value_length_mla", 16u)],
        ["dots3note"] = [("attention.key_length_mla_swa", 24u), ("attention.value_length_mla_swa", 16u)],
        ["hrm_text"] = [("hrm.layers_per_stack", 1u), ("hrm.h_cycles", 1u), ("hrm.l_cycles", 1u)],
        ["eagle3"] = [("target_layers", new[] { 0, 1, 2 })],
        ["dflash"] = [("target_layers", new[] { 0, 1 })],
        ["gemma4-assistant"] = [("embedding_length_out", 96u), ("nextn_predict_layers", 2u)],
        ["wavtokenizer-dec"] =
        [
            ("features_length", 64u), ("posnet.embedding_length", 64u), ("posnet.block_count", 2u),
            ("convnext.embedding_length", 64u), ("convnext.block_count", 2u),
        ],
        ["smallthinker"] = [("expert_feed_forward_length", 48u)],
        ["rwkv7"] = [("attention.gate_lora_rank", 8u)],
        ["nemotron_h_moe"] = [("expert_shared_feed_forward_length", 48u)],
        ["deepseek2"] = [("attention.key_length_mla", 24u), ("attention.value_length_mla", 16u)],
    };

    /// <summary>Makes a model of an architecture.</summary>
    /// <param name="architecture">The architecture.</param>
    /// <param name="folder">Where to write it in passing.</param>
    /// <param name="tokenizer">The vocabulary's model.</param>
    /// <param name="isRich">Whether it has keys that may be missing.</param>
    public static SyntheticModel Grow(string architecture, string folder, string tokenizer = "llama", bool isRich = false)
    {
        List<(string Key, object Value)> metadata = [("general.architecture", architecture), .. Basics(architecture, isRich), .. Vocabulary(tokenizer, isRich)];
        List<(GgufTensorInfo Info, byte[] Data)> tensors = [];
        string path = Path.Combine(folder, "grown.gguf");
        for (int round = 0; round < MostRounds; round++)
        {
            File.WriteAllBytes(path, GgufBytes.Write(metadata, tensors));
            using GgufFile file = GgufFile.Open(path);
            string[] missing =
            [
                .. ModelCheck.Run(file, file.Metadata).Where(finding => finding.Message.StartsWith("The key is missing", StringComparison.Ordinal)).Select(finding => finding.Subject).Distinct(),
            ];
            metadata.AddRange(missing.Select(key => (key, ValueOf(key, architecture))));
            if (missing.Length > 0)
                continue;
            GgufTensorInfo[] infos =
            [
                .. LoaderCheck.FindMissing(file).Where(tensor => tensor.Shape.All(dimension => dimension is > 0 and < 1 << 20))
                    .Select(tensor => new GgufTensorInfo(tensor.Name, GgmlType.F32, [.. tensor.Shape])),
            ];
            tensors.AddRange(infos.Select(info => (info, LoaderVariants.DataFor(info))));
            if (infos.Length == 0 && architecture == "rwkv6" && tensors.Count > 0 && !tensors.Exists(tensor => tensor.Info.Name.EndsWith(Fused, StringComparison.Ordinal)))
                tensors.AddRange(from block in (int[])[0, 1] let info = new GgufTensorInfo($"blk.{block}.{Fused}", GgmlType.F32, [64, 1, 1, 5]) select (info, LoaderVariants.DataFor(info)));
            else if (infos.Length == 0)
                break;
        }
        return new(metadata, tensors);
    }

    private static IEnumerable<(string Key, object Value)> Basics(string architecture, bool isRich)
    {
        List<(string Key, object Value)> keys = [.. s_values.Take(6).Select(pair => (pair.Key, pair.Value))];
        if (s_experts.Contains(architecture))
            keys.AddRange([("expert_count", 4u), ("expert_used_count", 2u)]);
        if (s_experts.Contains(architecture) && LoaderRules.Of(architecture)!.AllKeys().Any(rule => rule.Key == "attention.kv_lora_rank"))
            keys.Add(("rope.dimension_count", 8u));
        keys.AddRange(s_further.GetValueOrDefault(architecture) ?? []);
        if (isRich)
        {
            keys.AddRange(
            [
                ("vocab_size", (uint)Tokens), ("rope.freq_base", 10000f), ("rope.scaling.type", "linear"), ("rope.scaling.factor", 2f),
                ("attention.causal", true), ("pooling_type", 1u), ("attention.key_length", 16u), ("attention.value_length", 16u),
            ]);
            if (!keys.Exists(pair => pair.Key == "rope.dimension_count"))
                keys.Add(("rope.dimension_count", 16u));
            yield return ("general.name", "Synthetic");
            yield return ("general.file_type", 0u);
            yield return ("general.quantization_version", 2u);
        }
        foreach ((string key, object value) in keys.DistinctBy(pair => pair.Key))
            yield return ($"{architecture}.{key}", value);
    }

    private static IEnumerable<(string Key, object Value)> Vocabulary(string tokenizer, bool isRich)
    {
        yield return ("tokenizer.ggml.model", tokenizer);
        yield return ("tokenizer.ggml.token_type_count", 2u);
        string[] tokens = ["<unk>", .. Enumerable.Range(0, 256).Select(i => $"<0x{i:X2}>"), "\n", "</s>", .. Enumerable.Range(0, Tokens - 259).Select(i => $"t{i}")];
        int[] types = [.. tokens.Select((_, i) => i is > 0 and <= 256 && tokenizer != "bert" ? 6 : i < 259 ? 3 : 1)];
        yield return ("tokenizer.ggml.tokens", tokens);
        if (tokenizer is "gpt2" or "gemma4")
            yield return ("tokenizer.ggml.merges", new[] { "t 0", "t 1" });
        if (!isRich)
            yield break;
        yield return ("tokenizer.ggml.pre", tokenizer is "gpt2" ? "llama-bpe" : "default");
        yield return ("tokenizer.ggml.token_type", types);
        yield return ("tokenizer.ggml.scores", tokens.Select((_, i) => -(float)i).ToArray());
        yield return ("tokenizer.ggml.bos_token_id", 257u);
        yield return ("tokenizer.ggml.eos_token_id", 258u);
        yield return ("tokenizer.ggml.eot_token_id", 258u);
        yield return ("tokenizer.ggml.add_bos_token", true);
        yield return ("tokenizer.ggml.add_space_prefix", true);
        yield return ("tokenizer.chat_template", "{{ messages }}");
        if (tokenizer == "t5")
            yield return ("tokenizer.ggml.precompiled_charsmap", (byte[])[0, 4, .. new byte[2 + 1024 + 2]]);
    }

    private static object ValueOf(string key, string architecture)
    {
        string name = key.StartsWith(architecture + ".", StringComparison.Ordinal) ? key[(architecture.Length + 1)..] : key;
        return s_values.TryGetValue(name, out object? value) ? value : KnownKeys.Find(key, architecture) switch
        {
            { TakesValue: false, Type: GgufValueType.Float32 } => new[] { 1f, 1f },
            { TakesValue: false, Type: GgufValueType.String } => new[] { "a", "b" },
            { TakesValue: false } => new[] { 1u, 0u },
            { Type: GgufValueType.Float32 } => 1e-5f,
            { Type: GgufValueType.Boolean } => true,
            { Type: GgufValueType.String } => "a",
            { Type: GgufValueType.Int32 } => 2,
            _ => 2u,
        };
    }
}

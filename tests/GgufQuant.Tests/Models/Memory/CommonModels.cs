namespace GgufQuant.Tests.Models;

/// <summary>Dimensions of models that many people run, of the commonest architectures.</summary>
internal static class CommonModels
{
    /// <summary>The architectures and keys, by the model's name.</summary>
    internal static IReadOnlyDictionary<string, (string Architecture, Dictionary<string, object> Keys)> All { get; } =
        new Dictionary<string, (string, Dictionary<string, object>)>
        {
            ["Llama 3.2 1B"] = ("llama", Dense(2048, 32, 8, 8192, 64)),
            ["Llama 3.1 8B"] = ("llama", Dense(4096, 32, 8, 14336, 128)),
            ["Llama 3.3 70B"] = ("llama", Dense(8192, 64, 8, 28672, 128)),
            ["Llama 2 7B"] = ("llama", Dense(4096, 32, 32, 11008, 128)),
            ["Qwen2.5 0.5B"] = ("qwen2", Dense(896, 14, 2, 4864, 64)),
            ["Qwen2.5 7B"] = ("qwen2", Dense(3584, 28, 4, 18944, 128)),
            ["Qwen3 0.6B"] = ("qwen3", Dense(1024, 16, 8, 3072, 128)),
            ["Qwen3 8B"] = ("qwen3", Dense(4096, 32, 8, 12288, 128)),
            ["Qwen3 32B"] = ("qwen3", Dense(5120, 64, 8, 25600, 128)),
            ["Qwen3 30B A3B"] = ("qwen3moe", Sparse(Dense(2048, 32, 4, 6144, 128), 128, 8, 768)),
            ["Qwen3 235B A22B"] = ("qwen3moe", Sparse(Dense(4096, 64, 4, 12288, 128), 128, 8, 1536)),
            ["Qwen3.5 4B"] = ("qwen35", Recurrent(Dense(2560, 16, 4, 9216, 256), 4096, 32)),
            ["Qwen3.5 27B"] = ("qwen35", Recurrent(Dense(5120, 24, 4, 17408, 256), 6144, 48)),
            ["Qwen3.5 35B A3B"] = ("qwen35moe", Recurrent(Sparse(Dense(2048, 16, 2, 5632, 256), 256, 8, 512), 4096, 32)),
            ["Gemma 2 9B"] = ("gemma2", Windowed(Dense(3584, 16, 8, 14336, 256), 4096)),
            ["Gemma 3 1B"] = ("gemma3", Windowed(Dense(1152, 4, 1, 6912, 256), 512)),
            ["Gemma 3 12B"] = ("gemma3", Windowed(Dense(3840, 16, 8, 15360, 256), 1024)),
            ["Gemma 3 27B"] = ("gemma3", Windowed(Dense(5376, 32, 16, 21504, 128), 1024)),
            ["Gemma 4 31B"] = ("gemma4", PerLayer(Windowed(Dense(5376, 32, 16, 21504, 512), 1024), 256, 0)),
            ["Phi 3 mini"] = ("phi3", Dense(3072, 32, 32, 8192, 96)),
            ["Phi 4"] = ("phi3", Dense(5120, 40, 10, 17920, 128)),
            ["gpt-oss 20B"] = ("gpt-oss", Windowed(Sparse(Dense(2880, 64, 8, 2880, 64), 32, 4, 2880), 128)),
            ["DeepSeek V3"] = ("deepseek2", Latent(Sparse(Dense(7168, 128, 1, 18432, 576), 256, 8, 2048), 1536)),
            ["GLM 4 9B"] = ("glm4", Dense(4096, 32, 2, 13696, 128)),
            ["GLM 4.5 Air"] = ("glm4moe", Sparse(Dense(4096, 96, 8, 10944, 128), 128, 8, 1408)),
            ["Mistral Small 24B"] = ("mistral3", Dense(5120, 32, 8, 32768, 128)),
            ["Granite 3 8B"] = ("granite", Dense(4096, 32, 8, 12800, 128)),
            ["GLM 4.7 Flash"] = ("deepseek2", Latent(Sparse(Dense(2048, 20, 1, 10240, 576), 64, 4, 1536), 768)),
        };

    /// <summary>The same for architectures whose buffers must only not be estimated too low.</summary>
    internal static IReadOnlyDictionary<string, (string Architecture, Dictionary<string, object> Keys)> Others { get; } =
        new Dictionary<string, (string, Dictionary<string, object>)>
        {
            ["Command R"] = ("command-r", Dense(8192, 64, 8, 22528, 128)),
            ["OLMo 2 7B"] = ("olmo2", Windowed(Dense(4096, 32, 32, 11008, 128), 0)),
            ["Falcon H1"] = ("falcon-h1", Recurrent(Dense(3072, 12, 2, 12288, 128), 3072, 24)),
            ["Mamba 2 2.7B"] = ("mamba2", Recurrent(Dense(2560, 1, 1, 0, 64), 5120, 80)),
            ["Llama 4 Scout"] = ("llama4", Sparse(Dense(5120, 40, 8, 16384, 128), 16, 1, 8192)),
            ["MiniMax M2"] = ("minimax-m2", Sparse(Dense(3072, 48, 8, 1536, 128), 256, 8, 1536)),
            ["Cohere 2 MoE"] = ("cohere2moe", Sparse(Dense(4096, 32, 8, 14336, 128), 64, 8, 2048)),
            ["SmolLM 3"] = ("smollm3", Dense(2048, 16, 4, 11008, 128)),
            ["ERNIE 4.5 21B"] = ("ernie4_5-moe", Sparse(Dense(2560, 20, 4, 12288, 128), 64, 6, 1536)),
            ["LFM2 1.2B"] = ("lfm2", Dense(2048, 32, 8, 8192, 64)),
            ["BERT base"] = ("bert", Dense(768, 12, 12, 3072, 64)),
            ["Seed OSS 36B"] = ("seed_oss", Dense(5120, 80, 8, 27648, 128)),
            ["Gemma 7B"] = ("gemma", Dense(3072, 16, 16, 24576, 256)),
            ["StarCoder 2 7B"] = ("starcoder2", Dense(4608, 36, 4, 18432, 128)),
            ["DBRX"] = ("dbrx", Sparse(Dense(6144, 48, 8, 10752, 128), 16, 4, 10752)),
        };

    private static Dictionary<string, object> Dense(uint embedding, uint heads, uint keyValueHeads, uint feedForward, uint headLength) => new()
    {
        ["embedding_length"] = embedding,
        ["attention.head_count"] = heads,
        ["attention.head_count_kv"] = keyValueHeads,
        ["feed_forward_length"] = feedForward,
        ["attention.key_length"] = headLength,
        ["attention.value_length"] = headLength,
        ["rope.dimension_count"] = headLength,
        ["rope.dimension_sections"] = new[] { headLength / 8, headLength / 8, headLength / 8, 0u },
    };

    private static Dictionary<string, object> Sparse(Dictionary<string, object> keys, uint experts, uint used, uint length) => new(keys)
    {
        ["expert_count"] = experts,
        ["expert_used_count"] = used,
        ["expert_feed_forward_length"] = length,
        ["expert_shared_feed_forward_length"] = length,
    };

    private static Dictionary<string, object> Windowed(Dictionary<string, object> keys, uint window) => new(keys) { ["attention.sliding_window"] = window };

    private static Dictionary<string, object> Recurrent(Dictionary<string, object> keys, uint inner, uint rank) => new(keys)
    {
        ["ssm.inner_size"] = inner,
        ["ssm.state_size"] = 128u,
        ["ssm.time_step_rank"] = rank,
        ["ssm.group_count"] = 16u,
        ["rope.dimension_count"] = 64u,
    };

    private static Dictionary<string, object> PerLayer(Dictionary<string, object> keys, uint windowHeadLength, uint inputLength) => new(keys)
    {
        ["attention.key_length_swa"] = windowHeadLength,
        ["attention.value_length_swa"] = windowHeadLength,
        ["rope.dimension_count_swa"] = windowHeadLength,
        ["embedding_length_per_layer_input"] = inputLength,
    };

    private static Dictionary<string, object> Latent(Dictionary<string, object> keys, uint queryRank) => new(keys)
    {
        ["attention.value_length"] = 512u,
        ["attention.key_length_mla"] = 192u,
        ["attention.value_length_mla"] = 128u,
        ["attention.q_lora_rank"] = queryRank,
        ["rope.dimension_count"] = 64u,
    };
}

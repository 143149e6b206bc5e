using System.Collections.Frozen;

namespace GgufQuant.Models;

/// <summary>The properties of an architecture that determine its cache and state, apart from the dimensions in files.</summary>
/// <remarks><c>llama_model::create_memory</c> and each architecture's <c>load_arch_hparams</c> in llama.cpp v0.5.0.</remarks>
internal sealed record ArchitectureMemory
{
    private static readonly ArchitectureMemory s_plain = new();
    private static readonly ArchitectureMemory s_encoder = new() { HasCache = false, HasLogits = false, CopiesTiedOutput = false, AttendsWithinBatch = true };
    private static readonly ArchitectureMemory s_diffusion = new() { HasCache = false, AttendsWithinBatch = true };
    private static readonly ArchitectureMemory s_latent = new() { IsLatent = true };
    private static readonly ArchitectureMemory s_listed = new() { Window = new(1) { ReadsPattern = true } };

    private static readonly FrozenDictionary<string, ArchitectureMemory> s_known = new Dictionary<string, ArchitectureMemory>
    {
        // Encoders and diffusion models evaluate a whole text at once.
        ["bert"] = s_encoder,
        ["modern-bert"] = s_encoder,
        ["nomic-bert"] = s_encoder,
        ["nomic-bert-moe"] = s_encoder,
        ["neo-bert"] = s_encoder,
        ["jina-bert-v2"] = s_encoder,
        ["jina-bert-v3"] = s_encoder,
        ["eurobert"] = s_encoder,
        ["gemma-embedding"] = s_encoder with { CopiesTiedOutput = true },
        ["wavtokenizer-dec"] = s_encoder,
        ["dream"] = s_diffusion,
        ["llada"] = s_diffusion,
        ["llada-moe"] = s_diffusion,
        ["rnd1"] = s_diffusion,

        // These cache keys and values nevertheless.
        ["t5encoder"] = new() { HasLogits = false, CopiesTiedOutput = true, AttendsWithinBatch = true, LacksFlashAttention = true, ScoreCopies = 4 },
        ["llama-embed"] = new() { HasLogits = false, CopiesTiedOutput = true, AttendsWithinBatch = true },

        ["t5"] = new() { HasEncoder = true, LacksFlashAttention = true, ScoreCopies = 4 },
        ["grok"] = new() { LacksFlashAttention = true, ScoreCopies = 3 },

        ["gemma2"] = new() { Window = new(2) { DefaultSize = 4096 }, CapsScores = true },
        ["gemma3"] = new() { Window = new(6), CapsScores = true },
        ["gemma3n"] = new() { Window = new(5), PerLayerInputCopies = 4, DefaultPerLayerInput = 256, CachedLayers = keys => 20 },
        ["gemma4"] = new() { CapsScores = true, PerLayerInputCopies = 2, Window = new(1) { ReadsPattern = true }, CachedLayers = keys => keys.Number("block_count") - keys.Number("attention.shared_kv_layers") },
        ["gemma4-assistant"] = s_encoder,
        ["gpt-oss"] = Windowed(new(2)),
        ["llama4"] = Windowed(new(4) { FixedSize = 8192 }),
        ["cohere2"] = Windowed(new(4)),
        ["cohere2moe"] = Windowed(new(4) { IsDenseFirst = true, ReadsPattern = true }),
        ["exaone4"] = Windowed(new(4) { DefaultSize = 4096, OnlyLayers = 64 }),
        ["exaone-moe"] = Windowed(new(4) { DefaultSize = 128 }),
        ["olmo2"] = Windowed(new(4)),
        ["afmoe"] = Windowed(new(4)),
        ["laguna"] = Windowed(new(4) { IsDenseFirst = true }),
        ["plamo3"] = Windowed(new(8)),
        ["smallthinker"] = new() { Window = new(4) { IsDenseFirst = true, FixedSize = 4096, NeedsSize = true } },
        ["mellum"] = Windowed(new(4) { ReadsPattern = true }),
        ["muse-glimmer"] = Windowed(new(4) { ReadsPattern = true }),
        ["granite_swa"] = s_listed,
        ["maple"] = s_listed,
        ["mimo2"] = s_listed,
        ["spark2_5"] = s_listed,
        ["step35"] = s_listed,
        ["dflash"] = s_listed,

        ["bitnet"] = new() { CopiesTiedOutput = false },
        ["nanbeige"] = new() { RepetitionsKey = "num_loops" },

        ["deepseek2"] = s_latent,
        ["mistral4"] = s_latent,
        ["deepseek32"] = new() { IsLatent = true, Indexer = IndexerKind.Keys },
        ["glm-dsa"] = new() { IsLatent = true, Indexer = IndexerKind.ListedKeys },
        ["hy_v4"] = new() { IsLatent = true, Indexer = IndexerKind.ListedKeys },
        ["dots3note"] = new() { IsLatent = true, Window = new(1) { ReadsPattern = true }, Indexer = IndexerKind.ListedKeys },
        ["minimax-m3"] = new() { Indexer = IndexerKind.KeysAndValues, IndexerBytes = 24, CachesDraftLayers = true },
        ["deepseek4"] = new() { Window = new(0), Indexer = IndexerKind.Compressed, CachesDraftLayers = true },

        ["mamba"] = new() { States = StateLayers.All, State = StateKind.Ungrouped },
        ["mamba2"] = new() { States = StateLayers.All, State = StateKind.StateSpace },
        ["rwkv6"] = new() { States = StateLayers.All, State = StateKind.Rwkv },
        ["rwkv6qwen2"] = new() { States = StateLayers.All, State = StateKind.Rwkv },
        ["rwkv7"] = new() { States = StateLayers.All, State = StateKind.Rwkv },
        ["arwkv7"] = new() { States = StateLayers.All, State = StateKind.Rwkv },
        ["jamba"] = new() { States = StateLayers.WithoutHeads, State = StateKind.Ungrouped },
        ["falcon-h1"] = new() { States = StateLayers.Beside, State = StateKind.StateSpace },
        ["plamo2"] = new() { States = StateLayers.WithoutHeads, State = StateKind.StateSpace },
        ["granitehybrid"] = new() { States = StateLayers.WithoutHeads, State = StateKind.StateSpace },
        ["nemotron_h"] = new() { States = StateLayers.WithoutHeadsAndFeedForward, State = StateKind.StateSpace },
        ["nemotron_h_moe"] = new() { States = StateLayers.WithoutHeadsAndFeedForward, State = StateKind.StateSpace },
        ["lfm2"] = new() { States = StateLayers.WithoutHeads, State = StateKind.Convolution, Window = new(0) },
        ["lfm2moe"] = new() { States = StateLayers.WithoutHeads, State = StateKind.Convolution },
        ["qwen3next"] = new() { States = StateLayers.EveryFourth, State = StateKind.DeltaNet },
        ["qwen35"] = new() { States = StateLayers.EveryFourth, State = StateKind.DeltaNet },
        ["qwen35moe"] = new() { States = StateLayers.EveryFourth, State = StateKind.DeltaNet },
        ["qwen4exp"] = new() { States = StateLayers.EveryFourth, State = StateKind.DeltaNet, Indexer = IndexerKind.CompressedLayers, IndexerBytes = 160 },
        ["minimax-01"] = new() { States = StateLayers.EveryEighth, State = StateKind.Lightning },
        ["kimi-linear"] = new() { IsLatent = true, States = StateLayers.WithoutHeads, State = StateKind.KimiDelta },
        ["kimi-k3"] = new() { IsLatent = true, States = StateLayers.WithoutHeads, State = StateKind.KimiDelta },
        ["bailingmoe3"] = new() { IsLatent = true, States = StateLayers.WithoutHeads, State = StateKind.KimiDelta },
    }.ToFrozenDictionary(StringComparer.Ordinal);

    // Full attention in all layers.
    private static readonly FrozenSet<string> s_plainNames = FrozenSet.Create(
        StringComparer.Ordinal,
        "apertus", "arcee", "arctic", "baichuan", "bailingmoe", "bailingmoe2", "bloom", "chameleon", "chatglm", "codeshell",
        "cogvlm", "command-r", "dbrx", "deci", "deepseek", "deepseek2-ocr", "dots1", "eagle3", "ernie4_5", "ernie4_5-moe", "exaone",
        "falcon", "gemma", "glm4", "glm4moe", "gpt2", "gptneox", "granite", "granitemoe", "graniteswitch", "grovemoe",
        "hrm_text", "hunyuan-dense", "hunyuan-moe", "hunyuan_vl", "hy_v3", "internlm2", "jais", "jais2", "llama",
        "maincoder", "minicpm", "minicpm3", "minimax-m2", "mistral3", "mpt", "nemotron", "olmo", "olmoe", "openelm",
        "orion", "paddleocr", "pangu-embedded", "phi2", "phi3", "phimoe", "plamo", "plm", "pockettts", "qwen", "qwen2", "qwen2moe",
        "qwen2vl", "qwen3", "qwen3moe", "qwen3tts", "qwen3vl", "qwen3vlmoe", "refact", "seed_oss", "smollm3", "stablelm",
        "starcoder", "starcoder2", "talkie", "xverse");

    /// <summary>Whether layers with attention keep keys and values.</summary>
    internal bool HasCache { get; init; } = true;

    /// <summary>Whether only keys are cached if the file states the lengths of multi-head latent attention.</summary>
    internal bool IsLatent { get; init; }

    /// <summary>The layers with a sliding window; null for none.</summary>
    internal WindowRule? Window { get; init; }

    /// <summary>The layers with a recurrent state.</summary>
    internal StateLayers States { get; init; }

    /// <summary>The kind of state they have.</summary>
    internal StateKind State { get; init; }

    /// <summary>What the indexer of sparse attention caches.</summary>
    internal IndexerKind Indexer { get; init; }

    /// <summary>The number of layers, from the first, with a cache; null if all have one.</summary>
    internal Func<ShapeKeys, long>? CachedLayers { get; init; }

    /// <summary>The key of the number of times that the layers are run, each with a separate cache; null if they run once.</summary>
    internal string? RepetitionsKey { get; init; }

    /// <summary>Whether layers that draft tokens (NextN, MTP) have a cache although ordinary use skips them.</summary>
    internal bool CachesDraftLayers { get; init; }

    /// <summary>Whether the whole batch's logits are computed.</summary>
    internal bool HasLogits { get; init; } = true;

    /// <summary>Whether the device with the output gets a copy of the token embeddings if these are tied.</summary>
    internal bool CopiesTiedOutput { get; init; } = true;

    /// <summary>Whether tokens attend only to those of their batch, with or without a cache.</summary>
    internal bool AttendsWithinBatch { get; init; }

    /// <summary>Whether the graph adds something to the attention scores that flash attention cannot.</summary>
    internal bool LacksFlashAttention { get; init; }

    /// <summary>The number of copies of the attention scores held without flash attention.</summary>
    internal int ScoreCopies { get; init; } = 1;

    /// <summary>The number of copies of each token's per-layer embeddings.</summary>
    internal int PerLayerInputCopies { get; init; }

    /// <summary>The width of these embeddings if the file does not state it.</summary>
    internal long DefaultPerLayerInput { get; init; }

    /// <summary>Whether scores are capped.</summary>
    internal bool CapsScores { get; init; }

    /// <summary>Whether a decoder attends to an encoder.</summary>
    internal bool HasEncoder { get; init; }

    /// <summary>Bytes that an indexer takes per pair of cached token and batch token.</summary>
    internal int IndexerBytes { get; init; } = 12;

    /// <summary>Whether llama.cpp v0.5.0 has the architecture.</summary>
    internal bool IsKnown { get; private init; } = true;

    /// <summary>The rules of an architecture; full attention if it is unknown.</summary>
    internal static ArchitectureMemory Of(string architecture) =>
        s_known.GetValueOrDefault(architecture) ?? (s_plainNames.Contains(architecture) ? s_plain : s_plain with { IsKnown = false });

    private static ArchitectureMemory Windowed(WindowRule window) => new() { Window = window };
}

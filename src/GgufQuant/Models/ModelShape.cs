using GgufQuant.Gguf;

namespace GgufQuant.Models;

/// <summary>The dimensions of a language model, as its metadata states them.</summary>
public sealed record ModelShape
{
    private const long MaxLayers = 1 << 16;

    /// <summary>The architecture's name, such as <c>llama</c>; empty if the file names none.</summary>
    public required string Architecture { get; init; }

    /// <summary>Number of layers; 0 if the file does not say.</summary>
    public int Layers { get; init; }

    /// <summary>Tokens of context the model was trained for.</summary>
    public long? ContextLength { get; init; }

    /// <summary>Width of the embeddings.</summary>
    public long EmbeddingLength { get; init; }

    /// <summary>Width of the feed-forward layers, the widest if they differ.</summary>
    public long FeedForwardLength { get; init; }

    /// <summary>Query heads, the most if layers differ.</summary>
    public long Heads { get; init; }

    /// <summary>Key-value heads of each layer; 0 for a layer without attention.</summary>
    public IReadOnlyList<long> KeyValueHeads { get; init; } = [];

    /// <summary>Width of a key.</summary>
    public long KeyLength { get; init; }

    /// <summary>Width of a value; 0 if values are computed from the keys, as in multi-head latent attention.</summary>
    public long ValueLength { get; init; }

    /// <summary>Tokens in the vocabulary.</summary>
    public long VocabularySize { get; init; }

    /// <summary>Experts per layer; 0 for a dense model.</summary>
    public long Experts { get; init; }

    /// <summary>Experts used per token.</summary>
    public long ExpertsUsed { get; init; }

    /// <summary>Tokens in the window of a sliding-window layer; 0 without such layers.</summary>
    public long SlidingWindow { get; init; }

    /// <summary>Period of the layer pattern in which all but the last layer have a sliding window; 0 without such layers.</summary>
    public int SlidingPeriod { get; init; }

    /// <summary>Floats of recurrent state per layer and sequence; 0 without such layers.</summary>
    public long RecurrentState { get; init; }

    /// <summary>Reads a model's dimensions; what the file does not state stays 0.</summary>
    public static ModelShape Read(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        Keys keys = new(file.Metadata);
        int layers = (int)Math.Min(keys.Number("block_count"), MaxLayers);
        long embedding = keys.Number("embedding_length");
        long[] heads = keys.PerLayer("attention.head_count", layers);
        long mostHeads = heads.DefaultIfEmpty().Max();
        long headLength = mostHeads > 0 ? embedding / mostHeads : 0;
        bool isLatent = keys.Has("attention.key_length_mla");
        return new()
        {
            Architecture = keys.Architecture,
            Layers = layers,
            ContextLength = keys.Has("context_length") ? keys.Number("context_length") : null,
            EmbeddingLength = embedding,
            FeedForwardLength = keys.PerLayer("feed_forward_length", layers).DefaultIfEmpty().Max(),
            Heads = mostHeads,
            KeyValueHeads = keys.Has("attention.head_count_kv") ? keys.PerLayer("attention.head_count_kv", layers) : heads,
            KeyLength = keys.Has("attention.key_length") ? keys.Number("attention.key_length") : headLength,
            ValueLength = isLatent ? 0 : keys.Has("attention.value_length") ? keys.Number("attention.value_length") : headLength,
            VocabularySize = Vocabulary(file, keys),
            Experts = keys.Number("expert_count"),
            ExpertsUsed = keys.Number("expert_used_count"),
            SlidingWindow = keys.Number("attention.sliding_window"),
            SlidingPeriod = Period(keys),
            RecurrentState = Recurrent(keys),
        };
    }

    private static long Vocabulary(GgufFile file, Keys keys)
    {
        if (file.Metadata.Find(GgufKeys.Tokens) is GgufEntry tokens)
            return tokens.Count;
        if (keys.Has("vocab_size"))
            return keys.Number("vocab_size");
        return file.FindTensor(TensorNames.TokenEmbedding) is GgufTensor { Shape.Length: > 1 } embedding ? embedding.Shape[1] : 0;
    }

    // llama.cpp has these patterns in its code, not in the files.
    private static int Period(Keys keys) => keys.Architecture switch
    {
        "gemma2" or "gpt-oss" => 2,
        "cohere2" => 4,
        "gemma3" => 6,
        _ => 0,
    };

    private static long Recurrent(Keys keys)
    {
        long inner = keys.Number("ssm.inner_size");
        long state = keys.Number("ssm.state_size");
        long groups = keys.Number("ssm.group_count");
        long kernel = keys.Number("ssm.conv_kernel");
        return Bounded((Int128)Math.Max(0, kernel - 1) * (inner + ((Int128)2 * groups * state)) + ((Int128)state * inner));
    }

    private static long Bounded(Int128 value) => value > long.MaxValue ? long.MaxValue : (long)value;

    private readonly struct Keys(GgufMetadata metadata)
    {
        internal string Architecture { get; } = metadata.TryGetString(GgufKeys.Architecture, out string? name) ? name : "";

        internal bool Has(string key) => metadata.Contains($"{Architecture}.{key}");

        // Hostile files may state anything: dimensions above 2^40 count as not stated.
        internal long Number(string key) =>
            metadata.TryGetUInt64($"{Architecture}.{key}", out ulong value) && value < 1UL << 40 ? (long)value : 0;

        internal long[] PerLayer(string key, int layers)
        {
            GgufEntry? entry = metadata.Find($"{Architecture}.{key}");
            if (entry is null)
                return [];
            if (entry.Type != GgufValueType.Array)
                return [.. Enumerable.Repeat(Number(key), layers)];
            if (entry.Count > MaxLayers)
                return [];
            return entry.Value switch
            {
                int[] values => [.. values.Take(layers).Select(value => Math.Max(0L, value))],
                uint[] values => [.. values.Take(layers).Select(value => (long)value)],
                _ => [],
            };
        }
    }
}

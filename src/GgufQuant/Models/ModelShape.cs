using GgufQuant.Gguf;

namespace GgufQuant.Models;

/// <summary>The dimensions of a language model, from its metadata.</summary>
public sealed record ModelShape
{
    // llama.cpp's LLAMA_MAX_LAYERS is 512.
    private const long MaxRepetitions = 512;

    /// <summary>The architecture's name, such as <c>llama</c>; empty if the file names none.</summary>
    public required string Architecture { get; init; }

    /// <summary>Number of layers; 0 if the file does not say.</summary>
    public int Layers { get; init; }

    /// <summary>The number of layers at the end that draft tokens (NextN, MTP), which ordinary use skips.</summary>
    public int DraftLayers { get; init; }

    /// <summary>The context that the model was trained for, in tokens.</summary>
    public long? ContextLength { get; init; }

    /// <summary>Width of the embeddings.</summary>
    public long EmbeddingLength { get; init; }

    /// <summary>Width of the feed-forward layers; the maximum if they differ.</summary>
    public long FeedForwardLength { get; init; }

    /// <summary>Query heads; the maximum if layers differ.</summary>
    public long Heads { get; init; }

    /// <summary>Key-value heads of each layer; 0 for a layer without attention.</summary>
    public IReadOnlyList<long> KeyValueHeads { get; init; } = [];

    /// <summary>Width of a key.</summary>
    public long KeyLength { get; init; }

    /// <summary>Width of a value; 0 if values are computed from the keys, as in multi-head latent attention.</summary>
    public long ValueLength { get; init; }

    /// <summary>The number of tokens in the vocabulary.</summary>
    public long VocabularySize { get; init; }

    /// <summary>Experts per layer; 0 for a dense model.</summary>
    public long Experts { get; init; }

    /// <summary>Experts used per token.</summary>
    public long ExpertsUsed { get; init; }

    /// <summary>Width of an expert; 0 if it equals that of the feed-forward layers.</summary>
    public long ExpertLength { get; init; }

    /// <summary>Total width of the shared experts; 0 without them.</summary>
    public long SharedExpertLength { get; init; }

    /// <summary>Width of a key before compression by latent attention; 0 without latent attention.</summary>
    internal long LatentKeyLength { get; init; }

    /// <summary>Width of a value that latent attention produces.</summary>
    internal long LatentValueLength { get; init; }

    /// <summary>Width of the latent that keys and values are compressed to.</summary>
    internal long LatentRank { get; init; }

    /// <summary>Width of the input of the recurrence's convolution.</summary>
    internal long RecurrentWidth { get; init; }

    /// <summary>Width of the recurrence's output.</summary>
    internal long RecurrentInner { get; init; }

    /// <summary>Width of per-layer embeddings; 0 without them.</summary>
    internal long PerLayerInputLength { get; init; }

    /// <summary>Heads of the indexer in sparse attention.</summary>
    internal long IndexerHeads { get; init; }

    /// <summary>Tokens in the window of a sliding-window layer; 0 without such layers.</summary>
    public long SlidingWindow { get; init; }

    /// <summary>Floats of recurrent state per layer and sequence; 0 without such layers.</summary>
    public long RecurrentState { get; init; }

    /// <summary>The layers, in the order in which they run.</summary>
    public IReadOnlyList<LayerShape> LayerShapes { get; init; } = [];

    /// <summary>Whether the file contains only a vocabulary.</summary>
    public bool IsVocabulary { get; init; }

    /// <summary>Reads a model's dimensions; those that the file does not state are 0.</summary>
    public static ModelShape Read(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        ShapeKeys keys = new(file.Metadata);
        int layers = (int)Math.Min(keys.Number("block_count"), ShapeKeys.MaxLayers);
        long embedding = keys.Number("embedding_length");
        long[] heads = keys.FindPerLayer("attention.head_count", layers) ?? new long[layers];
        long[] keyValueHeads = keys.FindPerLayer("attention.head_count_kv", layers) ?? heads;
        long[] feedForward = keys.FindPerLayer("feed_forward_length", layers) ?? new long[layers];
        long mostHeads = heads.DefaultIfEmpty().Max();
        long headLength = mostHeads > 0 ? embedding / mostHeads : 0;

        ArchitectureMemory rules = ArchitectureMemory.Of(keys.Architecture);
        bool isLatent = rules.IsLatent && keys.Number("attention.key_length_mla") > 0 && keys.Number("attention.value_length_mla") > 0;
        long keyLength = keys.FindNumber("attention.key_length") ?? headLength;
        long valueLength = isLatent ? 0 : keys.FindNumber("attention.value_length") ?? headLength;
        int draft = (int)Math.Min(keys.Number("nextn_predict_layers"), layers);
        long window = rules.Window?.SizeOf(keys, layers - draft) ?? 0;
        (Int128 shift, Int128 recurrence) = rules.State.SizeOf(keys, embedding, mostHeads, keyLength);

        return new()
        {
            Architecture = keys.Architecture,
            Layers = layers,
            DraftLayers = draft,
            ContextLength = keys.FindNumber("context_length"),
            EmbeddingLength = embedding,
            FeedForwardLength = feedForward.DefaultIfEmpty().Max(),
            Heads = mostHeads,
            KeyValueHeads = keyValueHeads,
            KeyLength = keyLength,
            ValueLength = valueLength,
            VocabularySize = Vocabulary(file, keys),
            Experts = keys.Number("expert_count"),
            ExpertsUsed = keys.Number("expert_used_count"),
            ExpertLength = keys.FindPerLayer("expert_feed_forward_length", layers)?.DefaultIfEmpty().Max() ?? 0,
            SharedExpertLength = keys.FindNumber("expert_shared_feed_forward_length") ?? Bounded((Int128)keys.Number("expert_shared_count") * keys.Number("expert_feed_forward_length")),
            LatentKeyLength = isLatent ? keys.Number("attention.key_length_mla") : 0,
            LatentValueLength = isLatent ? keys.Number("attention.value_length_mla") : 0,
            LatentRank = isLatent ? keys.Number("attention.kv_lora_rank") : 0,
            RecurrentWidth = rules.State.WidthOf(keys, mostHeads, keyLength),
            RecurrentInner = rules.State.InnerOf(keys, mostHeads, keyLength),
            PerLayerInputLength = rules.PerLayerInputCopies == 0 ? 0 : keys.FindNumber("embedding_length_per_layer_input") ?? rules.DefaultPerLayerInput,
            IndexerHeads = rules.Indexer == IndexerKind.None ? 0 : keys.Number("attention.indexer.head_count"),
            SlidingWindow = window,
            RecurrentState = Bounded(shift + recurrence),
            LayerShapes = LayersOf(),
            IsVocabulary = file.Tensors.Count == 0 && file.Metadata.Contains(GgufKeys.Tokens),
        };

        List<LayerShape> LayersOf()
        {
            bool[] windows = window > 0 ? rules.Window!.LayersOf(keys, layers) : new bool[layers];
            (bool Attention, bool State)[] parts = rules.States.Of(keys, keyValueHeads, feedForward, layers);
            long cached = rules.CachedLayers?.Invoke(keys) ?? layers;
            long[] ratios = rules.Indexer is IndexerKind.Compressed or IndexerKind.CompressedLayers
                ? keys.FindPerLayer("attention.compress_ratios", layers) ?? new long[layers]
                : new long[layers];
            bool[] indexed = rules.Indexer.LayersOf(keys, ratios, layers);
            List<LayerShape> shapes = [];
            for (int layer = 0; layer < layers; layer++)
            {
                bool isRun = layer < layers - draft || rules.CachesDraftLayers;
                shapes.Add(new()
                {
                    Heads = heads[layer],
                    KeyValueHeads = keyValueHeads[layer],
                    KeyLength = windows[layer] ? keys.FindNumber("attention.key_length_swa") ?? keyLength : keyLength,
                    ValueLength = windows[layer] && !isLatent ? keys.FindNumber("attention.value_length_swa") ?? valueLength : valueLength,
                    FeedForwardLength = feedForward[layer],
                    HasWindow = windows[layer],
                    HasCache = rules.HasCache && parts[layer].Attention && isRun && layer < cached,
                    HasState = parts[layer].State && isRun,
                    IndexerKeyLength = indexed[layer] && isRun ? keys.Number("attention.indexer.key_length") : 0,
                    CompressionRatio = ratios[layer],
                });
            }
            long repetitions = rules.RepetitionsKey is string key ? Math.Clamp(keys.FindNumber(key) ?? 1, 1, MaxRepetitions) : 1;
            return [.. Enumerable.Repeat(shapes, (int)repetitions).SelectMany(once => once)];
        }
    }

    private static long Vocabulary(GgufFile file, ShapeKeys keys)
    {
        if (file.Metadata.Find(GgufKeys.Tokens) is GgufEntry tokens)
            return tokens.Count;
        return keys.FindNumber("vocab_size")
            ?? (file.FindTensor(TensorNames.TokenEmbedding) is GgufTensor { Shape.Length: > 1 } embedding ? embedding.Shape[1] : 0);
    }

    private static long Bounded(Int128 value) => value > long.MaxValue ? long.MaxValue : (long)value;
}

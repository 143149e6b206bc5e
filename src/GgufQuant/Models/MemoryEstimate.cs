using GgufQuant.Formats;

namespace GgufQuant.Models;

/// <summary>The memory llama.cpp needs to run a model, in bytes, estimated from its header.</summary>
/// <remarks>
/// Weights and cache follow llama.cpp's own calculation. The compute buffers are those it reserves for one batch with flash
/// attention, dominated by the logits of the whole batch or by the widest layer.
/// </remarks>
public sealed record MemoryEstimate
{
    /// <summary>Tokens evaluated at once, llama.cpp's default.</summary>
    private const int Batch = 512;

    /// <summary>llama.cpp rounds the cache up to a multiple of this many tokens.</summary>
    private const int CacheGranularity = 256;

    /// <summary>The context assumed if none is given and the model was trained for at least this much.</summary>
    public const int DefaultContextLength = 4096;

    /// <summary>Bytes of all tensors.</summary>
    public required long WeightSize { get; init; }

    /// <summary>Bytes of the key-value cache and of recurrent state.</summary>
    public required long CacheSize { get; init; }

    /// <summary>Bytes of the buffers for intermediate results.</summary>
    public required long ComputeSize { get; init; }

    /// <summary>Tokens of context the cache has room for.</summary>
    public required long ContextLength { get; init; }

    /// <summary>The type of the cache.</summary>
    public required CacheType CacheType { get; init; }

    /// <summary>The estimate's assumptions, one sentence each.</summary>
    public required IReadOnlyList<string> Assumptions { get; init; }

    /// <summary>Total bytes.</summary>
    public long Size => Bounded((Int128)WeightSize + CacheSize + ComputeSize);

    /// <summary>Estimates the memory for a model of a given shape.</summary>
    /// <param name="weights">Bytes of all tensors.</param>
    /// <param name="shape">The model's dimensions.</param>
    /// <param name="contextLength">Tokens of context; null for 4,096 or the model's own, whichever is less.</param>
    /// <param name="cacheType">The type of the key-value cache.</param>
    public static MemoryEstimate Of(long weights, ModelShape shape, long? contextLength = null, CacheType cacheType = CacheType.F16)
    {
        ArgumentNullException.ThrowIfNull(shape);
        long context = contextLength ?? Math.Min(DefaultContextLength, shape.ContextLength ?? DefaultContextLength);
        return new()
        {
            WeightSize = weights,
            CacheSize = CacheBytes(shape, context, cacheType),
            ComputeSize = ComputeBytes(shape),
            ContextLength = context,
            CacheType = cacheType,
            Assumptions = Describe(shape, context, cacheType),
        };
    }

    private static long CacheBytes(ModelShape shape, long context, CacheType cacheType)
    {
        BlockFormat format = BlockFormat.Of(Enum.Parse<GgmlType>(cacheType.ToString()));
        long width = shape.KeyLength + shape.ValueLength;
        Int128 elements = 0;
        long recurrent = 0;
        for (int layer = 0; layer < shape.KeyValueHeads.Count; layer++)
        {
            elements += (Int128)shape.KeyValueHeads[layer] * width * CachedTokens(shape, layer, context);
            if (shape.KeyValueHeads[layer] == 0)
                recurrent++;
        }
        if (shape.KeyValueHeads.Count == 0)
            recurrent = shape.Layers;
        return Bounded((elements * format.BlockBytes / format.BlockSize) + ((Int128)recurrent * shape.RecurrentState * sizeof(float)));
    }

    private static long CachedTokens(ModelShape shape, int layer, long context)
    {
        bool hasWindow = shape.SlidingWindow > 0 && shape.SlidingPeriod > 0 && layer % shape.SlidingPeriod < shape.SlidingPeriod - 1;
        return Padded(hasWindow ? Math.Min(context, shape.SlidingWindow + Batch) : context);
    }

    private static long Padded(long tokens) => (tokens + CacheGranularity - 1) / CacheGranularity * CacheGranularity;

    private static long ComputeBytes(ModelShape shape)
    {
        long widest = Math.Max(shape.VocabularySize, 2 * shape.FeedForwardLength);
        return Bounded((Int128)(widest + shape.EmbeddingLength) * Batch * sizeof(float));
    }

    private static List<string> Describe(ModelShape shape, long context, CacheType cacheType)
    {
        List<string> assumptions =
        [
            "All weights are in memory.",
            $"The key-value cache has room for {context:N0} tokens in {cacheType}.",
            $"The buffers are for batches of {Batch} tokens with flash attention.",
            "One sequence at a time; the operating system and the program itself are not counted.",
        ];
        if (shape.Layers == 0 || shape.EmbeddingLength == 0)
            assumptions.Add("The file does not state the model's dimensions: only the weights are counted.");
        if (shape.SlidingWindow > 0 && shape.SlidingPeriod == 0)
            assumptions.Add("Sliding windows are counted as full attention.");
        return assumptions;
    }

    private static long Bounded(Int128 bytes) => bytes > long.MaxValue ? long.MaxValue : (long)bytes;
}

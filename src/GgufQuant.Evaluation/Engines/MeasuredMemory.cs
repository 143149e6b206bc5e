using GgufQuant.Models;

namespace GgufQuant.Evaluation.Engines;

/// <summary>The memory that an engine's library reports for a model, in bytes.</summary>
/// <param name="Weights">Tensors.</param>
/// <param name="Cache">Keys and values, to 0.01 MiB for each cache.</param>
/// <param name="State">Recurrent states, to 0.01 MiB for each kind.</param>
/// <param name="Compute">Intermediate results, to 0.01 MiB for each device.</param>
public sealed record MeasuredMemory(long Weights, long Cache, long State, long Compute)
{
    /// <summary>Total bytes.</summary>
    public long Total => Weights + Cache + State + Compute;
}

/// <summary>A run whose memory an engine is asked for.</summary>
/// <param name="Path">The model's file; the first one of a split model.</param>
/// <param name="ContextLength">Tokens of context, all sequences together.</param>
/// <param name="KeyType">The type of the cached keys.</param>
/// <param name="ValueType">The type of the cached values.</param>
/// <param name="BatchSize">Tokens evaluated at once.</param>
/// <param name="Parallel">Sequences.</param>
/// <param name="FlashAttention">Whether flash attention is on.</param>
public sealed record MeasuredRun(string Path, int ContextLength, CacheType KeyType, CacheType ValueType, int BatchSize, int Parallel, bool FlashAttention)
{
    /// <summary>The run that an estimate is for.</summary>
    public static MeasuredRun Of(string path, MemoryEstimate estimate)
    {
        ArgumentNullException.ThrowIfNull(estimate);
        return new(
            path, (int)Math.Min(estimate.ContextLength, int.MaxValue), estimate.CacheType, estimate.ValueCacheType, estimate.BatchSize, estimate.Parallel, estimate.FlashAttention);
    }
}

namespace GgufQuant.Models;

/// <summary>The settings of running a model that determine its memory. The defaults are those of llama.cpp's programs.</summary>
public sealed record MemoryOptions
{
    /// <summary>The defaults.</summary>
    public static MemoryOptions Default { get; } = new();

    /// <summary>The context in tokens, for all sequences together; null for 4,096, or the model's if that is less.</summary>
    public long? ContextLength { get; init; }

    /// <summary>The type of the cached keys.</summary>
    public CacheType KeyType { get; init; } = CacheType.F16;

    /// <summary>The type of the cached values.</summary>
    public CacheType ValueType { get; init; } = CacheType.F16;

    /// <summary>The number of tokens evaluated at once: llama.cpp's physical batch.</summary>
    public int BatchSize { get; init; } = 512;

    /// <summary>The number of sequences that share the context.</summary>
    public int Parallel { get; init; } = 1;

    /// <summary>Whether flash attention is on.</summary>
    public bool FlashAttention { get; init; } = true;

    /// <summary>A GPU's memory in bytes, for as many layers as fit; null to run only on the processor.</summary>
    public long? GpuMemory { get; init; }

    /// <summary>Bytes of the GPU's memory to leave free; null for a tenth, and at most 1 GiB.</summary>
    public long? GpuReserve { get; init; }

    /// <summary>Whether all experts stay on the host, even if they would fit on the GPU: <c>--cpu-moe</c>.</summary>
    public bool CpuMoe { get; init; }
}

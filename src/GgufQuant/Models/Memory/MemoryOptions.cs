namespace GgufQuant.Models;

/// <summary>How a model is run, as far as it decides the memory. The defaults are those of llama.cpp's own programs.</summary>
public sealed record MemoryOptions
{
    /// <summary>The defaults.</summary>
    public static MemoryOptions Default { get; } = new();

    /// <summary>Tokens of context, all sequences together; null for 4,096 or the model's own, whichever is less.</summary>
    public long? ContextLength { get; init; }

    /// <summary>The type of the cached keys.</summary>
    public CacheType KeyType { get; init; } = CacheType.F16;

    /// <summary>The type of the cached values.</summary>
    public CacheType ValueType { get; init; } = CacheType.F16;

    /// <summary>Tokens evaluated at once: llama.cpp's physical batch.</summary>
    public int BatchSize { get; init; } = 512;

    /// <summary>Sequences that share the context.</summary>
    public int Parallel { get; init; } = 1;

    /// <summary>Whether flash attention is on.</summary>
    public bool FlashAttention { get; init; } = true;

    /// <summary>Bytes of a graphics card's memory, which as many layers as possible are to use; null to run on the processor alone.</summary>
    public long? GpuMemory { get; init; }

    /// <summary>Bytes of the card's memory that should stay free; null for a tenth, and at most 1 GiB.</summary>
    public long? GpuReserve { get; init; }

    /// <summary>Whether all experts stay on the host, whatever the card has room for: <c>--cpu-moe</c>.</summary>
    public bool CpuMoe { get; init; }
}

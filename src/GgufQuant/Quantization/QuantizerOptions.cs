namespace GgufQuant.Quantization;

/// <summary>How the work is done; the bytes made do not depend on it.</summary>
public sealed record QuantizerOptions
{
    /// <summary>Cores to use; 0 for all. A <see cref="Device"/> of the caller's brings its own.</summary>
    public int Threads { get; init; }

    /// <summary>Bytes of memory the process may take for a conversion; half of them go to buffers.</summary>
    public long MemoryBudget { get; init; } = 512L << 20;

    /// <summary>What quantizes; null for the processor. The caller disposes it.</summary>
    public IQuantizationDevice? Device { get; init; }
}

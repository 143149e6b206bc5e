using System.Globalization;
using GgufQuant.Models;

namespace GgufQuant.Allocation;

/// <summary>The target size of a file: bytes in all, bits per weight without header and padding, or bytes of memory to run it.</summary>
public readonly record struct SizeTarget
{
    private SizeTarget(long? bytes, double? bitsPerWeight, long? memory, MemoryOptions? run)
    {
        Bytes = bytes;
        BitsPerWeight = bitsPerWeight;
        Memory = memory;
        Run = run;
    }

    /// <summary>Bytes of the file, or of all shards together; null for another kind of target.</summary>
    public long? Bytes { get; }

    /// <summary>Bits per weight; null for another kind of target.</summary>
    public double? BitsPerWeight { get; }

    /// <summary>Bytes of memory for the weights, the cache, the states and the buffers; null for another kind of target.</summary>
    public long? Memory { get; }

    /// <summary>How the model is run in that memory; null for another kind of target.</summary>
    public MemoryOptions? Run { get; }

    /// <summary>The target as a number in its unit.</summary>
    public double Amount => Bytes ?? Memory ?? BitsPerWeight ?? 0;

    /// <summary>A target in bytes.</summary>
    public static SizeTarget OfBytes(long bytes) => new(bytes, null, null, null);

    /// <summary>A target in bits per weight.</summary>
    public static SizeTarget OfBitsPerWeight(double bits) => new(null, bits, null, null);

    /// <summary>A target in bytes of memory.</summary>
    /// <param name="memory">Bytes.</param>
    /// <param name="run">How the model is run.</param>
    public static SizeTarget OfMemory(long memory, MemoryOptions run) => new(null, null, memory, run);

    /// <summary>The target in words.</summary>
    public override string ToString() => (Bytes, Memory) switch
    {
        ({ } bytes, _) => string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} bytes"),
        (_, { } memory) => string.Create(CultureInfo.InvariantCulture, $"{memory:N0} bytes of memory"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{BitsPerWeight:0.####} bits per weight"),
    };
}

using System.Globalization;

namespace GgufQuant.Allocation;

/// <summary>How large a file may be: bytes of all of it, or bits per weight without header and padding.</summary>
public readonly record struct SizeTarget
{
    private SizeTarget(long? bytes, double? bitsPerWeight)
    {
        Bytes = bytes;
        BitsPerWeight = bitsPerWeight;
    }

    /// <summary>Bytes of the file, or of all shards together; null if the target is in bits.</summary>
    public long? Bytes { get; }

    /// <summary>Bits per weight; null if the target is in bytes.</summary>
    public double? BitsPerWeight { get; }

    /// <summary>A target in bytes.</summary>
    public static SizeTarget OfBytes(long bytes) => new(bytes, null);

    /// <summary>A target in bits per weight.</summary>
    public static SizeTarget OfBitsPerWeight(double bits) => new(null, bits);

    /// <summary>The target in words.</summary>
    public override string ToString() => Bytes is { } bytes
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} bytes")
        : string.Create(CultureInfo.InvariantCulture, $"{BitsPerWeight:0.####} bits per weight");
}

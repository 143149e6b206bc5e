namespace GgufQuant.Kernels;

/// <summary>The twelve bytes in which Q4_K and Q5_K keep eight scales and eight minimums of six bits.</summary>
/// <remarks>
/// The first four of each lie whole in bytes 0-3 and 4-7; of the last four the low nibbles share bytes 8-11 and the
/// high bits are the upper two of the bytes of the first four.
/// </remarks>
internal static class SixBitScales
{
    /// <summary>Bytes taken.</summary>
    public const int Bytes = 12;

    /// <summary>Writes eight scales and eight minimums.</summary>
    public static void Pack(ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, Span<byte> packed)
    {
        for (int j = 0; j < 4; j++)
        {
            packed[j] = (byte)(scales[j] | (scales[j + 4] >> 4 << 6));
            packed[j + 4] = (byte)(minimums[j] | (minimums[j + 4] >> 4 << 6));
            packed[j + 8] = (byte)((scales[j + 4] & 0xF) | ((minimums[j + 4] & 0xF) << 4));
        }
    }

    /// <summary>Reads eight scales and eight minimums.</summary>
    public static void Unpack(ReadOnlySpan<byte> packed, Span<byte> scales, Span<byte> minimums)
    {
        for (int j = 0; j < 4; j++)
        {
            scales[j] = (byte)(packed[j] & 0x3F);
            minimums[j] = (byte)(packed[j + 4] & 0x3F);
            scales[j + 4] = (byte)((packed[j + 8] & 0xF) | (packed[j] >> 6 << 4));
            minimums[j + 4] = (byte)((packed[j + 8] >> 4) | (packed[j + 4] >> 6 << 4));
        }
    }
}

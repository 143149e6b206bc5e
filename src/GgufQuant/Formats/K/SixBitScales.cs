using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace GgufQuant.Formats;

/// <summary>The twelve bytes in which Q4_K and Q5_K keep eight scales and eight minimums of six bits.</summary>
/// <remarks>
/// ggml's <c>get_scale_min_k4</c>. The first four of each lie whole in bytes 0-3 and 4-7. Of the last four, the low
/// nibbles share bytes 8-11, and the high bits are the top two bits of the first four's bytes.
/// </remarks>
internal static class SixBitScales
{
    /// <summary>Bytes taken.</summary>
    public const int Bytes = 12;

    /// <summary>Writes eight scales and eight minimums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unpack(ReadOnlySpan<byte> packed, Span<byte> scales, Span<byte> minimums)
    {
        uint first = BinaryPrimitives.ReadUInt32LittleEndian(packed);
        uint second = BinaryPrimitives.ReadUInt32LittleEndian(packed[4..]);
        uint shared = BinaryPrimitives.ReadUInt32LittleEndian(packed[8..]);
        BinaryPrimitives.WriteUInt64LittleEndian(scales, Join(first, shared));
        BinaryPrimitives.WriteUInt64LittleEndian(minimums, Join(second, shared >> 4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Join(uint whole, uint nibbles) =>
        (whole & 0x3F3F3F3F) | ((ulong)((nibbles & 0x0F0F0F0F) | ((whole >> 2) & 0x30303030)) << 32);
}

using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GgufQuant.Formats;

/// <summary>Finds weights and block scales that are not finite, by the rules of <c>ggml_validate_row_data</c>.</summary>
public static class BlockValidation
{
    private const ushort HalfExponent = 0x7C00;
    private const ushort BrainExponent = 0x7F80;
    private const uint SingleExponent = 0x7F800000;

    /// <summary>The first block that holds a value that is not finite; -1 where all are sound.</summary>
    /// <param name="type">The type of the blocks; integers and nvfp4, whose every bit pattern is a number, are always sound.</param>
    /// <param name="blocks">Whole blocks, little-endian.</param>
    /// <returns>For types that do not quantize, where a block is one weight, the weight itself.</returns>
    public static long FindInvalid(GgmlType type, ReadOnlySpan<byte> blocks) => type switch
    {
        GgmlType.F32 => FindExponent(MemoryMarshal.Cast<byte, uint>(blocks), SingleExponent),
        GgmlType.F16 => FindExponent(MemoryMarshal.Cast<byte, ushort>(blocks), HalfExponent),
        GgmlType.BF16 => FindExponent(MemoryMarshal.Cast<byte, ushort>(blocks), BrainExponent),
        GgmlType.F64 => Find(blocks, sizeof(double), block => !float.IsFinite((float)BinaryPrimitives.ReadDoubleLittleEndian(block))),
        GgmlType.Q8_K => Find(blocks, BlockFormat.Of(type).BlockBytes, block => !float.IsFinite(BinaryPrimitives.ReadSingleLittleEndian(block))),
        GgmlType.MXFP4 => Find(blocks, BlockFormat.Of(type).BlockBytes, block => block[0] == 0xFF),
        GgmlType.IQ1_M => Find(blocks, BlockFormat.Of(type).BlockBytes, HasInvalidScatteredScale),
        GgmlType.I8 or GgmlType.I16 or GgmlType.I32 or GgmlType.I64 or GgmlType.NVFP4 => -1,
        _ => FindHalf(blocks, BlockFormat.Of(type).BlockBytes, ScalesOf(type)),
    };

    private delegate bool BlockTest(ReadOnlySpan<byte> block);

    // Where a block keeps its half-precision scales, and its minimum where it has one.
    private static (int First, int Second) ScalesOf(GgmlType type) => type switch
    {
        GgmlType.Q4_1 or GgmlType.Q5_1 or GgmlType.Q8_1 or GgmlType.Q4_K or GgmlType.Q5_K => (0, 2),
        GgmlType.Q2_K => (80, 82),
        GgmlType.Q3_K => (108, 108),
        GgmlType.Q6_K => (208, 208),
        GgmlType.TQ1_0 => (52, 52),
        GgmlType.TQ2_0 => (64, 64),
        _ => (0, 0),
    };

    // As for FindExponent.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long FindHalf(ReadOnlySpan<byte> blocks, int blockBytes, (int First, int Second) scales)
    {
        for (int at = 0, block = 0; at < blocks.Length; at += blockBytes, block++)
        {
            if (IsInvalidHalf(blocks[(at + scales.First)..]) || IsInvalidHalf(blocks[(at + scales.Second)..]))
                return block;
        }
        return -1;
    }

    private static long Find(ReadOnlySpan<byte> blocks, int blockBytes, BlockTest isInvalid)
    {
        for (int at = 0, block = 0; at < blocks.Length; at += blockBytes, block++)
        {
            if (isInvalid(blocks.Slice(at, blockBytes)))
                return block;
        }
        return -1;
    }

    // iq1_m spreads its scale over the upper four bits of four 16-bit words of sub-scales.
    private static bool HasInvalidScatteredScale(ReadOnlySpan<byte> block)
    {
        ReadOnlySpan<byte> words = block[^8..];
        int scale = (words[1] >> 4) | (words[3] & 0xF0) | ((words[5] & 0xF0) << 4) | ((words[7] & 0xF0) << 8);
        return (scale & HalfExponent) == HalfExponent;
    }

    private static bool IsInvalidHalf(ReadOnlySpan<byte> bytes) =>
        (BinaryPrimitives.ReadUInt16LittleEndian(bytes) & HalfExponent) == HalfExponent;

    // Small models are done before the runtime would have got round to optimizing the loop.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long FindExponent<T>(ReadOnlySpan<T> values, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        int at = 0;
        Vector<T> wide = new(exponent);
        for (; at <= values.Length - Vector<T>.Count; at += Vector<T>.Count)
        {
            if (Vector.EqualsAny(new Vector<T>(values[at..]) & wide, wide))
                break;
        }
        for (; at < values.Length; at++)
        {
            if ((values[at] & exponent) == exponent)
                return at;
        }
        return -1;
    }
}

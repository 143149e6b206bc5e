using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GgufQuant.Formats;

/// <summary>Finds non-finite weights and block scales, by the rules of <c>ggml_validate_row_data</c>.</summary>
public static class BlockValidation
{
    private const ushort HalfExponent = 0x7C00;
    private const ushort BrainExponent = 0x7F80;
    private const uint SingleExponent = 0x7F800000;

    /// <summary>The first block with a non-finite value; -1 if there is none.</summary>
    /// <param name="format">The format of the blocks. Blocks without scales, such as integers and nvfp4, are always valid.</param>
    /// <param name="blocks">Whole blocks, little-endian.</param>
    /// <returns>For unquantized types, whose block is one weight, the weight itself.</returns>
    public static long FindInvalid(BlockFormat format, ReadOnlySpan<byte> blocks)
    {
        int bytes = format.BlockBytes;
        return format.Layout.Scales switch
        {
            [] => -1,
            [{ Kind: FieldKind.Single, Width: var width }] when width == bytes => FindExponent(MemoryMarshal.Cast<byte, uint>(blocks), SingleExponent),
            [{ Kind: FieldKind.Half, Width: var width }] when width == bytes => FindExponent(MemoryMarshal.Cast<byte, ushort>(blocks), HalfExponent),
            [{ Kind: FieldKind.BFloat16 }] => FindExponent(MemoryMarshal.Cast<byte, ushort>(blocks), BrainExponent),
            [{ Kind: FieldKind.Half, Count: <= 2 } halves] => FindHalf(blocks, bytes, halves.Offset, halves.Offset + ((halves.Count - 1) * halves.Width)),
            var scales => Find(blocks, bytes, scales),
        };
    }

    // For the same reason as FindExponent.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long FindHalf(ReadOnlySpan<byte> blocks, int blockBytes, int first, int last)
    {
        for (int at = 0, block = 0; at < blocks.Length; at += blockBytes, block++)
        {
            if (IsInvalidHalf(blocks[(at + first)..]) || IsInvalidHalf(blocks[(at + last)..]))
                return block;
        }
        return -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Find(ReadOnlySpan<byte> blocks, int blockBytes, BlockField[] scales)
    {
        for (int at = 0, block = 0; at < blocks.Length; at += blockBytes, block++)
        {
            foreach (BlockField scale in scales)
            {
                if (IsInvalid(scale, blocks.Slice(at, blockBytes)))
                    return block;
            }
        }
        return -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsInvalid(BlockField field, ReadOnlySpan<byte> block)
    {
        for (int i = 0; i < field.Count; i++)
        {
            ReadOnlySpan<byte> word = block.Slice(field.Offset + (i * field.Width), field.Width);
            bool isInvalid = field.Kind switch
            {
                FieldKind.Half => IsInvalidHalf(word),
                FieldKind.Single => !float.IsFinite(BinaryPrimitives.ReadSingleLittleEndian(word)),
                FieldKind.Double => !float.IsFinite((float)BinaryPrimitives.ReadDoubleLittleEndian(word)),
                FieldKind.E8M0 => word[0] == 0xFF,
                FieldKind.SplitHalf => i == 0 && IsInvalidSplitHalf(block.Slice(field.Offset, field.Bytes)),
                _ => throw new NotSupportedException($"There is no check for fields of kind {field.Kind}."),
            };
            if (isInvalid)
                return true;
        }
        return false;
    }

    private static bool IsInvalidSplitHalf(ReadOnlySpan<byte> words)
    {
        int scale = (words[1] >> 4) | (words[3] & 0xF0) | ((words[5] & 0xF0) << 4) | ((words[7] & 0xF0) << 8);
        return (scale & HalfExponent) == HalfExponent;
    }

    private static bool IsInvalidHalf(ReadOnlySpan<byte> bytes) =>
        (BinaryPrimitives.ReadUInt16LittleEndian(bytes) & HalfExponent) == HalfExponent;

    // A small model would be finished before tiered compilation optimized the loop.
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

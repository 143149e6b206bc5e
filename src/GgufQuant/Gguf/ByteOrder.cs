using System.Buffers.Binary;
using System.Runtime.InteropServices;
using GgufQuant.Formats;

namespace GgufQuant.Gguf;

/// <summary>Turns big-endian numbers and blocks into little-endian ones, in place.</summary>
internal static class ByteOrder
{
    /// <summary>Swaps every element of a width of 1, 2, 4 or 8 bytes.</summary>
    public static void Swap(Span<byte> bytes, int width)
    {
        switch (width)
        {
            case 2:
                Span<ushort> words = MemoryMarshal.Cast<byte, ushort>(bytes);
                BinaryPrimitives.ReverseEndianness(words, words);
                break;
            case 4:
                Span<uint> doubleWords = MemoryMarshal.Cast<byte, uint>(bytes);
                BinaryPrimitives.ReverseEndianness(doubleWords, doubleWords);
                break;
            case 8:
                Span<ulong> quadWords = MemoryMarshal.Cast<byte, ulong>(bytes);
                BinaryPrimitives.ReverseEndianness(quadWords, quadWords);
                break;
        }
    }

    /// <summary>Whether a type has one big-endian form.</summary>
    /// <remarks>
    /// A field that ggml's <c>to_float</c> reads as a 16- or 32-bit word is one in a big-endian file too. iq2_xxs has
    /// no such form: ggml reads the same bytes now as words and now as single bytes.
    /// </remarks>
    public static bool CanSwap(GgmlType type) => Fields(type) is not null;

    /// <summary>Swaps the multi-byte fields of whole blocks.</summary>
    public static void SwapBlocks(Span<byte> blocks, BlockFormat format)
    {
        BlockField[] fields = Fields(format.Type) ?? throw new NotSupportedException($"{format} has no big-endian form.");
        if (fields is [(0, var width, 1)] && width == format.BlockBytes)
        {
            Swap(blocks, width);
            return;
        }
        for (int start = 0; start < blocks.Length; start += format.BlockBytes)
        {
            foreach (BlockField field in fields)
                Swap(blocks.Slice(start + field.Offset, field.Width * field.Count), field.Width);
        }
    }

    // The fields that ggml reads as words.
    private static BlockField[]? Fields(GgmlType type) => type switch
    {
        GgmlType.I8 or GgmlType.MXFP4 or GgmlType.NVFP4 => [],
        GgmlType.F16 or GgmlType.BF16 or GgmlType.I16 => [new(0, 2, 1)],
        GgmlType.F32 or GgmlType.I32 => [new(0, 4, 1)],
        GgmlType.F64 or GgmlType.I64 => [new(0, 8, 1)],
        GgmlType.Q1_0 or GgmlType.Q2_0 or GgmlType.Q4_0 or GgmlType.Q8_0 or GgmlType.IQ4_NL => [new(0, 2, 1)],
        GgmlType.Q4_1 or GgmlType.Q8_1 => [new(0, 2, 2)],
        GgmlType.Q5_0 => [new(0, 2, 1), new(2, 4, 1)],
        GgmlType.Q5_1 => [new(0, 2, 2), new(4, 4, 1)],
        GgmlType.Q2_K => [new(80, 2, 2)],
        GgmlType.Q3_K => [new(108, 2, 1)],
        GgmlType.Q4_K or GgmlType.Q5_K => [new(0, 2, 2)],
        GgmlType.Q6_K => [new(208, 2, 1)],
        GgmlType.Q8_K => [new(0, 4, 1), new(260, 2, 16)],
        GgmlType.TQ1_0 => [new(52, 2, 1)],
        GgmlType.TQ2_0 => [new(64, 2, 1)],
        GgmlType.IQ1_S => [new(0, 2, 1), new(34, 2, 8)],
        GgmlType.IQ1_M => [new(48, 2, 4)],
        GgmlType.IQ2_XS => [new(0, 2, 33)],
        GgmlType.IQ2_S or GgmlType.IQ3_S => [new(0, 2, 1)],
        GgmlType.IQ3_XXS => [new(0, 2, 1), new(66, 4, 8)],
        GgmlType.IQ4_XS => [new(0, 2, 2)],
        _ => null,
    };

    private readonly record struct BlockField(int Offset, int Width, int Count);
}

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

    /// <summary>Swaps the fields of whole blocks that hold words.</summary>
    /// <remarks>A field that ggml's <c>to_float</c> reads as a 16- or 32-bit word is one in a big-endian file too.</remarks>
    public static void SwapBlocks(Span<byte> blocks, BlockFormat format)
    {
        if (!format.Layout.HasBigEndianForm)
            throw new NotSupportedException($"{format} has no big-endian form.");
        BlockField[] words = format.Layout.Words;
        if (words is [var whole] && whole.Bytes == format.BlockBytes)
        {
            Swap(blocks, whole.Width);
            return;
        }
        for (int start = 0; start < blocks.Length; start += format.BlockBytes)
        {
            foreach (BlockField field in words)
                Swap(blocks.Slice(start + field.Offset, field.Bytes), field.Width);
        }
    }
}

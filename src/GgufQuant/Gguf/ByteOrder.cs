using System.Buffers.Binary;
using System.Runtime.InteropServices;
using GgufQuant.Formats;

namespace GgufQuant.Gguf;

/// <summary>Converts big-endian numbers and blocks to little-endian, in place.</summary>
internal static class ByteOrder
{
    /// <summary>Swaps the bytes of elements that are 1, 2, 4 or 8 bytes wide.</summary>
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

    /// <summary>Swaps the bytes of the words in whole blocks.</summary>
    /// <remarks>A field that ggml's <c>to_float</c> reads as a 16- or 32-bit word is a word in a big-endian file too.</remarks>
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

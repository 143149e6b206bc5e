using System.Buffers.Binary;
using GgufQuant.Gguf;

namespace GgufQuant.Tests.Gguf;

/// <summary>Turns the header of a little-endian file into that of a big-endian one, field by field; tensor data stays as it is.</summary>
internal static class BigEndian
{
    public static byte[] SwapHeader(byte[] littleEndian)
    {
        byte[] bytes = [.. littleEndian];
        int position = 4;
        Swap(bytes, ref position, 4);
        ulong tensors = Swap(bytes, ref position, 8);
        ulong entries = Swap(bytes, ref position, 8);
        for (ulong i = 0; i < entries; i++)
        {
            SwapText(bytes, ref position);
            GgufValueType type = (GgufValueType)Swap(bytes, ref position, 4);
            ulong count = 1;
            if (type == GgufValueType.Array)
            {
                type = (GgufValueType)Swap(bytes, ref position, 4);
                count = Swap(bytes, ref position, 8);
            }
            for (ulong element = 0; element < count; element++)
            {
                if (type == GgufValueType.String)
                    SwapText(bytes, ref position);
                else
                    Swap(bytes, ref position, Width(type));
            }
        }
        for (ulong i = 0; i < tensors; i++)
        {
            SwapText(bytes, ref position);
            ulong dimensions = Swap(bytes, ref position, 4);
            for (ulong dimension = 0; dimension < dimensions; dimension++)
                Swap(bytes, ref position, 8);
            Swap(bytes, ref position, 4);
            Swap(bytes, ref position, 8);
        }
        return bytes;
    }

    private static void SwapText(byte[] bytes, ref int position)
    {
        int length = (int)Swap(bytes, ref position, 8);
        position += length;
    }

    private static int Width(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Boolean => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        _ => 8,
    };

    private static ulong Swap(byte[] bytes, ref int position, int width)
    {
        Span<byte> field = bytes.AsSpan(position, width);
        Span<byte> value = stackalloc byte[8];
        value.Clear();
        field.CopyTo(value);
        field.Reverse();
        position += width;
        return BinaryPrimitives.ReadUInt64LittleEndian(value);
    }
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace GgufQuant.Gguf;

/// <summary>Metadata values as .NET objects and as the bytes of a little-endian file.</summary>
/// <remarks>An array is its element type (u32), its count (u64) and its elements; a string its length (u64) and its bytes.</remarks>
internal static class GgufValue
{
    internal const int ArrayHeaderBytes = sizeof(uint) + sizeof(ulong);

    private static readonly Dictionary<Type, GgufValueType> s_types = new()
    {
        [typeof(byte)] = GgufValueType.UInt8,
        [typeof(sbyte)] = GgufValueType.Int8,
        [typeof(ushort)] = GgufValueType.UInt16,
        [typeof(short)] = GgufValueType.Int16,
        [typeof(uint)] = GgufValueType.UInt32,
        [typeof(int)] = GgufValueType.Int32,
        [typeof(float)] = GgufValueType.Float32,
        [typeof(bool)] = GgufValueType.Boolean,
        [typeof(string)] = GgufValueType.String,
        [typeof(ulong)] = GgufValueType.UInt64,
        [typeof(long)] = GgufValueType.Int64,
        [typeof(double)] = GgufValueType.Float64,
    };

    /// <summary>The GGUF type of a .NET value, and its encoding.</summary>
    /// <exception cref="ArgumentException">GGUF has no such type.</exception>
    public static (GgufValueType Type, GgufValueType? ElementType, long Count, byte[] Encoded) Encode(object value)
    {
        if (value is not Array array)
            return (TypeOf(value.GetType()), null, 1, EncodeElements(ToArray(value)));

        GgufValueType elementType = TypeOf(array.GetType().GetElementType()!);
        byte[] elements = EncodeElements(array);
        byte[] encoded = new byte[ArrayHeaderBytes + elements.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(encoded, (uint)elementType);
        BinaryPrimitives.WriteInt64LittleEndian(encoded.AsSpan(sizeof(uint)), array.Length);
        elements.CopyTo(encoded, ArrayHeaderBytes);
        return (GgufValueType.Array, elementType, array.Length, encoded);
    }

    /// <summary>Reads a value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The bytes do not encode such a value.</exception>
    public static object Decode(ReadOnlySpan<byte> encoded, GgufValueType type)
    {
        if (type != GgufValueType.Array)
            return DecodeElements(encoded, type, 1).GetValue(0)!;
        (GgufValueType elementType, long count) = ReadArrayHeader(encoded);
        return DecodeElements(encoded[ArrayHeaderBytes..], elementType, count);
    }

    /// <summary>Converts a value from the file's encoding to little-endian, and booleans to 0 and 1 as ggml writes them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The bytes do not encode such a value.</exception>
    public static void Normalize(Span<byte> encoded, GgufValueType type, bool isBigEndian)
    {
        long count = 1;
        if (type == GgufValueType.Array)
        {
            if (isBigEndian)
            {
                encoded[..sizeof(uint)].Reverse();
                encoded.Slice(sizeof(uint), sizeof(ulong)).Reverse();
            }
            (type, count) = ReadArrayHeader(encoded);
            encoded = encoded[ArrayHeaderBytes..];
        }

        if (type == GgufValueType.Boolean)
        {
            foreach (ref byte value in encoded)
                value = value == 0 ? (byte)0 : (byte)1;
        }
        if (!isBigEndian)
            return;
        if (type != GgufValueType.String)
        {
            ByteOrder.Swap(encoded, GgufValueTypes.SizeOf(type));
            return;
        }
        for (long i = 0; i < count; i++)
        {
            encoded[..sizeof(ulong)].Reverse();
            encoded = encoded[(sizeof(ulong) + StringLength(encoded))..];
        }
    }

    private static GgufValueType TypeOf(Type type) =>
        s_types.TryGetValue(type, out GgufValueType valueType)
            ? valueType
            : throw new ArgumentException($"GGUF metadata cannot hold a '{type}': give a number, a boolean, a string or an array of one of these.");

    private static Array ToArray(object value) => value switch
    {
        byte v => new[] { v },
        sbyte v => new[] { v },
        ushort v => new[] { v },
        short v => new[] { v },
        uint v => new[] { v },
        int v => new[] { v },
        float v => new[] { v },
        bool v => new[] { v },
        ulong v => new[] { v },
        long v => new[] { v },
        double v => new[] { v },
        _ => new[] { (string)value },
    };

    private static byte[] EncodeElements(Array elements)
    {
        if (elements is not string[] strings)
        {
            byte[] bytes = new byte[Buffer.ByteLength(elements)];
            Buffer.BlockCopy(elements, 0, bytes, 0, bytes.Length);
            return bytes;
        }

        byte[] encoded = new byte[strings.Sum(text => sizeof(ulong) + (long)Encoding.UTF8.GetByteCount(text))];
        Span<byte> rest = encoded;
        foreach (string text in strings)
        {
            int length = Encoding.UTF8.GetBytes(text, rest[sizeof(ulong)..]);
            BinaryPrimitives.WriteInt64LittleEndian(rest, length);
            rest = rest[(sizeof(ulong) + length)..];
        }
        return encoded;
    }

    private static Array DecodeElements(ReadOnlySpan<byte> bytes, GgufValueType type, long count) => type switch
    {
        GgufValueType.UInt8 => Copy<byte>(bytes, count),
        GgufValueType.Int8 => Copy<sbyte>(bytes, count),
        GgufValueType.UInt16 => Copy<ushort>(bytes, count),
        GgufValueType.Int16 => Copy<short>(bytes, count),
        GgufValueType.UInt32 => Copy<uint>(bytes, count),
        GgufValueType.Int32 => Copy<int>(bytes, count),
        GgufValueType.Float32 => Copy<float>(bytes, count),
        GgufValueType.Boolean => Copy<bool>(bytes, count),
        GgufValueType.UInt64 => Copy<ulong>(bytes, count),
        GgufValueType.Int64 => Copy<long>(bytes, count),
        GgufValueType.Float64 => Copy<double>(bytes, count),
        GgufValueType.String => DecodeStrings(bytes, count),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    private static T[] Copy<T>(ReadOnlySpan<byte> bytes, long count)
        where T : unmanaged
    {
        ReadOnlySpan<T> elements = MemoryMarshal.Cast<byte, T>(bytes);
        ArgumentOutOfRangeException.ThrowIfNotEqual(count, elements.Length);
        return elements.ToArray();
    }

    private static string[] DecodeStrings(ReadOnlySpan<byte> bytes, long count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, bytes.Length / sizeof(ulong));
        string[] strings = new string[count];
        for (int i = 0; i < strings.Length; i++)
        {
            int length = StringLength(bytes);
            strings[i] = Encoding.UTF8.GetString(bytes.Slice(sizeof(ulong), length));
            bytes = bytes[(sizeof(ulong) + length)..];
        }
        return strings;
    }

    private static (GgufValueType ElementType, long Count) ReadArrayHeader(ReadOnlySpan<byte> encoded) =>
        ((GgufValueType)BinaryPrimitives.ReadUInt32LittleEndian(encoded),
            BinaryPrimitives.ReadInt64LittleEndian(encoded[sizeof(uint)..]));

    private static int StringLength(ReadOnlySpan<byte> encoded)
    {
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(encoded);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, (ulong)encoded.Length - sizeof(ulong));
        return (int)length;
    }
}

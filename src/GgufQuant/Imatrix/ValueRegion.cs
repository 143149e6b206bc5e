using System.Buffers.Binary;
using System.Runtime.InteropServices;
using GgufQuant.IO;

namespace GgufQuant.Imatrix;

/// <summary>Values in a file, read on demand: the sums of a large MoE model fill gigabytes.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
internal sealed record ValueRegion<T>(string Path, string Name, long Offset, int Length, bool IsBigEndian)
    where T : unmanaged
{
    /// <exception cref="ImatrixFormatException">The file has shrunk.</exception>
    internal T[] Read()
    {
        T[] values = new T[Length];
        Span<byte> bytes = MemoryMarshal.AsBytes(values.AsSpan());
        using RandomAccessFile file = new(Path);
        if (file.Read(Offset, bytes) < bytes.Length)
            throw new ImatrixFormatException(Path, $"importance of '{Name}'", Offset, "the file has shrunk since it was opened");
        if (IsBigEndian == BitConverter.IsLittleEndian)
            Reverse(values);
        return values;
    }

    private static void Reverse(Span<T> values)
    {
        if (typeof(T) == typeof(double))
            BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<T, long>(values), MemoryMarshal.Cast<T, long>(values));
        else
            BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<T, int>(values), MemoryMarshal.Cast<T, int>(values));
    }
}

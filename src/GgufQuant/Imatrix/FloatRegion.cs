using System.Buffers.Binary;
using System.Runtime.InteropServices;
using GgufQuant.IO;

namespace GgufQuant.Imatrix;

/// <summary>Floats in a file, read on demand: the sums of a large MoE model fill gigabytes.</summary>
internal sealed record FloatRegion(string Path, string Name, long Offset, int Length, bool IsBigEndian)
{
    /// <exception cref="ImatrixFormatException">The file has shrunk.</exception>
    internal float[] Read()
    {
        float[] values = new float[Length];
        Span<byte> bytes = MemoryMarshal.AsBytes(values.AsSpan());
        using RandomAccessFile file = new(Path);
        if (file.Read(Offset, bytes) < bytes.Length)
            throw new ImatrixFormatException(Path, $"importance of '{Name}'", Offset, "the file has shrunk since it was opened");
        if (IsBigEndian == BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<float, int>(values), MemoryMarshal.Cast<float, int>(values.AsSpan()));
        return values;
    }
}

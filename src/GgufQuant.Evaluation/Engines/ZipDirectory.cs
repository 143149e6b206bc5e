using System.Buffers.Binary;

namespace GgufQuant.Evaluation.Engines;

/// <summary>Bounds a ZIP file's directory before <see cref="System.IO.Compression.ZipArchive"/> reads all of it into memory.</summary>
internal static class ZipDirectory
{
    private const uint EndSignature = 0x06054B50;
    private const uint EntrySignature = 0x02014B50;
    private const int EndSize = 22;
    private const int EntrySize = 46;
    private const int MaximumComment = ushort.MaxValue;
    private const long MaximumBytes = 16 << 20;

    /// <summary>Walks the directory.</summary>
    /// <exception cref="InvalidDataException">It is missing, or unreasonably large.</exception>
    internal static void Check(Stream stream, int maximumEntries)
    {
        byte[] tail = new byte[(int)Math.Min(stream.Length, EndSize + MaximumComment)];
        stream.Position = stream.Length - tail.Length;
        stream.ReadExactly(tail);
        int end = tail.Length - EndSize;
        while (end >= 0 && BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(end)) != EndSignature)
            end--;
        if (end < 0)
            throw new InvalidDataException("It is not a ZIP file.");
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(end + 16));
        if (offset == uint.MaxValue)
            throw new InvalidDataException("It is a ZIP64 file.");
        Walk(stream, offset, maximumEntries);
        stream.Position = 0;
    }

    private static void Walk(Stream stream, long offset, int maximumEntries)
    {
        Span<byte> header = stackalloc byte[EntrySize];
        long position = offset;
        for (int entries = 0; position + EntrySize <= stream.Length; entries++)
        {
            stream.Position = position;
            stream.ReadExactly(header);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) != EntrySignature)
                return;
            position += EntrySize
                + BinaryPrimitives.ReadUInt16LittleEndian(header[28..])
                + BinaryPrimitives.ReadUInt16LittleEndian(header[30..])
                + BinaryPrimitives.ReadUInt16LittleEndian(header[32..]);
            if (entries >= maximumEntries || position - offset > MaximumBytes)
                throw new InvalidDataException("It has too many entries.");
        }
    }
}

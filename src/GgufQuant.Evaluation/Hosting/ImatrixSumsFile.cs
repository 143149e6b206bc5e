using System.Runtime.InteropServices;
using System.Text;
using GgufQuant.Imatrix;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>A collected importance matrix in a temporary file between two processes of this machine, its sums in memory layout.</summary>
internal static class ImatrixSumsFile
{
    private const uint Magic = 0x4d55_5351;
    private const int MaximumNameLength = 1 << 16;

    /// <summary>Writes a matrix.</summary>
    internal static void Write(ImatrixData matrix, string path)
    {
        using BinaryWriter writer = new(File.Create(path), Encoding.UTF8);
        writer.Write(Magic);
        writer.Write(matrix.ChunkSize);
        writer.Write(matrix.Datasets.Count);
        foreach (string dataset in matrix.Datasets)
            WriteText(writer, dataset);
        writer.Write(matrix.Entries.Count);
        foreach ((string name, ImatrixSums sums) in matrix.Entries)
        {
            WriteText(writer, name);
            writer.Write(sums.Squares.Length);
            writer.Write(sums.Counts.Length);
            writer.Write(MemoryMarshal.AsBytes(sums.Squares.AsSpan()));
            writer.Write(MemoryMarshal.AsBytes(sums.Corrections.AsSpan()));
            writer.Write(MemoryMarshal.AsBytes(sums.Counts.AsSpan()));
        }
    }

    /// <summary>Reads a matrix; allocates nothing that the file is too short for.</summary>
    /// <exception cref="InvalidDataException">The file is truncated or damaged, or a sum is not a non-negative number.</exception>
    internal static ImatrixData Read(string path)
    {
        using BinaryReader reader = new(File.OpenRead(path), Encoding.UTF8);
        try
        {
            Require(reader.ReadUInt32() == Magic, "its magic number");
            int chunkSize = reader.ReadInt32();
            Require(chunkSize > 0, "the chunk size");
            ImatrixData matrix = new(chunkSize);
            for (int left = reader.ReadInt32(); left > 0; left--)
                matrix.AddDataset(ReadText(reader));
            for (int left = reader.ReadInt32(); left > 0; left--)
                matrix.Merge(ReadText(reader), ReadSums(reader));
            Require(reader.BaseStream.Position == reader.BaseStream.Length, "its end");
            return matrix;
        }
        catch (EndOfStreamException)
        {
            throw new InvalidDataException("The importance matrix from the engine process is truncated.");
        }
    }

    private static ImatrixSums ReadSums(BinaryReader reader)
    {
        int columns = reader.ReadInt32();
        int counts = reader.ReadInt32();
        long bytes = (2L * columns * sizeof(double)) + ((long)counts * sizeof(long));
        Require(columns >= 0 && counts > 0 && bytes <= reader.BaseStream.Length - reader.BaseStream.Position, "an entry's size");
        ImatrixSums sums = new(columns, counts);
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(sums.Squares.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(sums.Corrections.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(sums.Counts.AsSpan()));
        Require(!sums.Squares.AsSpan().ContainsAnyExceptInRange(0, double.MaxValue), "a sum");
        for (int i = 0; i < columns; i++)
            Require(sums.Squares[i] + sums.Corrections[i] == sums.Squares[i], "the correction of a sum");
        Require(!sums.Counts.AsSpan().ContainsAnyExceptInRange(0, long.MaxValue), "a count");
        return sums;
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        writer.Write(utf8.Length);
        writer.Write(utf8);
    }

    private static string ReadText(BinaryReader reader)
    {
        int length = reader.ReadInt32();
        Require(length is >= 0 and <= MaximumNameLength, "a name's length");
        byte[] utf8 = reader.ReadBytes(length);
        return utf8.Length == length ? Encoding.UTF8.GetString(utf8) : throw new EndOfStreamException();
    }

    private static void Require(bool holds, string what)
    {
        if (!holds)
            throw new InvalidDataException($"The importance matrix from the engine process is damaged: {what} is wrong.");
    }
}

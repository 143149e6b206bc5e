using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.Imatrix;

/// <summary>Writes importance matrices in llama-imatrix's formats.</summary>
public static class ImatrixWriter
{
    /// <summary>The extensions of files.</summary>
    public static string[] Extensions { get; } = [".gguf", ".dat"];

    /// <summary>The format that a file's name asks for.</summary>
    public static ImatrixFormat FormatOf(string path) =>
        Path.GetExtension(path).Equals(".dat", StringComparison.OrdinalIgnoreCase) ? ImatrixFormat.Dat : ImatrixFormat.Gguf;

    /// <summary>Checks that a file could be written, before a matrix is collected for it.</summary>
    /// <exception cref="IOException">The file exists and is not to be overwritten, is a folder, or cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not write to the folder.</exception>
    public static void TryDestination(string path, bool overwrite) => AtomicFile.Try(Path.GetFullPath(path), overwrite);

    /// <summary>Writes a file, which appears under its name only once it is complete.</summary>
    /// <exception cref="IOException">The file exists and is not to be overwritten, or the disk has no room.</exception>
    /// <exception cref="InvalidDataException">The matrix is empty.</exception>
    public static void Write(ImatrixData matrix, string path, ImatrixFormat format, bool overwrite)
    {
        if (matrix.Entries.Count == 0)
            throw new InvalidDataException("The importance matrix has no entries. Collecting one takes at least 16 tokens of text.");
        if (format == ImatrixFormat.Dat)
            WriteLegacy(matrix, Path.GetFullPath(path), overwrite);
        else
            WriteGguf(matrix, Path.GetFullPath(path), overwrite);
    }

    private static void WriteGguf(ImatrixData matrix, string path, bool overwrite)
    {
        List<GgufTensorInfo> tensors = [];
        foreach ((string name, ImatrixSums sums) in matrix.Entries)
        {
            int columns = sums.Squares.Length / sums.Counts.Length;
            tensors.Add(new(name + ImatrixKeys.SumsSuffix, GgmlType.F32, [columns, sums.Counts.Length]));
            tensors.Add(new(name + ImatrixKeys.CountsSuffix, GgmlType.F32, [1, sums.Counts.Length]));
            if (matrix.Part is not null)
                tensors.Add(new(name + ImatrixKeys.PreciseSuffix, GgmlType.F64, [columns, sums.Counts.Length, 2]));
        }
        GgufWriter writer = new(
            [
                GgufEntry.Create(GgufKeys.Kind, ImatrixKeys.Kind),
                GgufEntry.Create(ImatrixKeys.Datasets, matrix.Datasets.ToArray()),
                GgufEntry.Create(ImatrixKeys.ChunkCount, (uint)matrix.ChunkCount),
                GgufEntry.Create(ImatrixKeys.ChunkSize, (uint)matrix.ChunkSize),
                .. matrix.Part is { } part ? KeysOf(part) : [],
            ],
            tensors);
        using AtomicFile file = AtomicFile.Create(path, writer.Length, overwrite, writer.WriteHeader);
        int tensor = 0;
        foreach (ImatrixSums sums in matrix.Entries.Values)
        {
            file.Write(writer.Tensors[tensor++].FileOffset, LittleEndian(Array.ConvertAll(sums.Squares, value => (float)value)));
            file.Write(writer.Tensors[tensor++].FileOffset, LittleEndian(Array.ConvertAll(sums.Counts, count => (float)count)));
            if (matrix.Part is null)
                continue;
            long offset = writer.Tensors[tensor++].FileOffset;
            file.Write(offset, LittleEndian([.. sums.Squares]));
            file.Write(offset + ((long)sums.Squares.Length * sizeof(double)), LittleEndian([.. sums.Corrections]));
        }
        file.Commit();
    }

    private static GgufEntry[] KeysOf(ImatrixPart part) =>
    [
        GgufEntry.Create(ImatrixKeys.PartText, part.Text),
        GgufEntry.Create(ImatrixKeys.PartModel, part.Model),
        GgufEntry.Create(ImatrixKeys.PartFirst, (uint)part.Chunks.First),
        GgufEntry.Create(ImatrixKeys.PartCount, (uint)part.Chunks.Count),
        GgufEntry.Create(ImatrixKeys.PartTotal, (uint)part.Chunks.Total),
    ];

    private static void WriteLegacy(ImatrixData matrix, string path, bool overwrite)
    {
        using MemoryStream stream = new();
        // A tensor without any data would read as all zeros; the format cannot express that nothing was seen.
        KeyValuePair<string, ImatrixSums>[] entries = [.. matrix.Entries.Where(entry => entry.Value.Counts.Any(count => count > 0))];
        Write(stream, entries.Length);
        foreach ((string name, ImatrixSums sums) in entries)
        {
            int calls = checked((int)((sums.Counts.Max() + matrix.ChunkSize - 1) / matrix.ChunkSize));
            float[] values = new float[sums.Squares.Length];
            for (int i = 0; i < values.Length; i++)
            {
                long count = sums.CountOf(i);
                // Experts that saw no input weight all columns equally.
                values[i] = (float)((count > 0 ? sums.Squares[i] / count : 1) * calls);
            }
            Write(stream, name);
            Write(stream, calls);
            Write(stream, values.Length);
            stream.Write(LittleEndian(values));
        }
        Write(stream, matrix.ChunkCount);
        Write(stream, matrix.Datasets.Count > 0 ? matrix.Datasets[^1] : "");
        using AtomicFile file = AtomicFile.Create(path, stream.Length, overwrite, target => stream.WriteTo(target));
        file.Commit();
    }

    private static ReadOnlySpan<byte> LittleEndian(float[] values)
    {
        Span<int> bits = MemoryMarshal.Cast<float, int>(values.AsSpan());
        if (!BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(bits, bits);
        return MemoryMarshal.AsBytes(bits);
    }

    private static ReadOnlySpan<byte> LittleEndian(double[] values)
    {
        Span<long> bits = MemoryMarshal.Cast<double, long>(values.AsSpan());
        if (!BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(bits, bits);
        return MemoryMarshal.AsBytes(bits);
    }

    private static void Write(Stream stream, int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        stream.Write(bytes);
    }

    private static void Write(Stream stream, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Write(stream, bytes.Length);
        stream.Write(bytes);
    }
}

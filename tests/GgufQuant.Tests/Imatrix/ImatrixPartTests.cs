using System.Buffers.Binary;
using GgufQuant.Checks;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Imatrix;

/// <summary>Parts of importance matrices, and merging them.</summary>
public sealed class ImatrixPartTests : IDisposable
{
    private const string Name = "blk.0.ffn_up_exps.weight";

    // Of very different sizes, so that sums of doubles depend on their order.
    private static readonly float[][] s_rows = [.. Enumerable.Range(0, 24).Select(row =>
        Enumerable.Range(0, 26).Select(column => MathF.Pow(10, (row * 7 % 9) - 4) * (1 + (((row * 31) + (column * 17)) % 97 / 97f))).ToArray())];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Parts_merge_to_the_file_of_one_run()
    {
        ImatrixWriter.Write(Matrix(0, 24), _folder.File("whole.gguf"), ImatrixFormat.Gguf, overwrite: false);
        string[] parts = [Write(0, 9), Write(9, 4), Write(13, 11)];

        foreach (int[] order in (int[][])[[0, 1, 2], [2, 0, 1], [1, 2, 0]])
            Assert.Equal(File.ReadAllBytes(_folder.File("whole.gguf")), Merge([.. order.Select(i => parts[i])]));
        Assert.NotEqual(
            Matrix(0, 24).Entries[Name].Squares,
            Enumerable.Range(0, 26).Select(column => Part(column, 0, 9) + Part(column, 9, 13) + Part(column, 13, 24)));

        static double Part(int column, int start, int end) => s_rows[start..end].Aggregate(0d, (sum, row) => sum + ((double)row[column] * row[column]));
    }

    [Fact]
    public void Vectors_add_as_the_scalar_code_does()
    {
        ImatrixSums vectors = new(26, 1);
        ImatrixSums scalars = new(26, 1);
        foreach (float[] row in s_rows)
        {
            vectors.Add(0, row);
            for (int column = 0; column < row.Length; column++)
                DoubleDouble.Add(ref scalars.Squares[column], ref scalars.Corrections[column], (double)row[column] * row[column]);
        }

        Assert.Equal(scalars.Squares, vectors.Squares);
        Assert.Equal(scalars.Corrections, vectors.Corrections);
        Assert.Contains(scalars.Corrections, correction => correction != 0);
    }

    [Fact]
    public void A_part_is_a_matrix_too()
    {
        string path = Write(9, 4);

        ImatrixFile matrix = ImatrixFile.Open(path, TestContext.Current.CancellationToken);

        Assert.Equal(new ImatrixPart("text", "model", new(9, 4, 24)), matrix.Part);
        Assert.Equal([Name], matrix.Entries.Select(entry => entry.Name));
        Assert.Equal(Matrix(9, 4).Entries[Name].Squares.Select(value => (float)value), matrix.Entries[0].ReadSums());
        Assert.DoesNotContain(GgufCheck.Run(path), finding => finding.Severity != FindingSeverity.Information);
    }

    // Its loaders of importance matrices pass over tensors with other suffixes.
    [ReferenceFact]
    public void The_reference_reads_a_part()
    {
        ReferenceHeader header = ReferenceGguf.Read(Write(9, 4))!;

        Assert.Equal([$"{Name}.in_sum2", $"{Name}.counts", $"{Name}.precise"], header.Tensors.Select(tensor => tensor.Name));
    }

    [Theory]
    [InlineData(10, "The parts leave a gap, chunk 10 of the text, between")]
    [InlineData(8, "The parts overlap:")]
    public void Gaps_and_overlaps_are_errors(int second, string message)
    {
        string[] parts = [Write(second, 4), Write(0, 9)];

        InvalidDataException exception = Assert.Throws<InvalidDataException>(() => Merge(parts));

        Assert.StartsWith(message, exception.Message, StringComparison.Ordinal);
        Assert.Contains("0.gguf' ", exception.Message, StringComparison.Ordinal);
        Assert.Contains($"{second}.gguf' ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_of_other_models_or_tensors_are_errors()
    {
        string first = Write(0, 9);

        string model = Write(9, 4, matrix => matrix.Part = matrix.Part! with { Model = "other" });
        Assert.Contains("another model", Assert.Throws<InvalidDataException>(() => Merge([first, model])).Message, StringComparison.Ordinal);
        string tensors = Write(9, 5, matrix => matrix.Merge("output.weight", new ImatrixSums(2, 1)));
        Assert.Contains("other tensors", Assert.Throws<InvalidDataException>(() => Merge([first, tensors])).Message, StringComparison.Ordinal);
        string more = Write(0, 9, matrix => matrix.Merge("output.weight", new ImatrixSums(2, 1)));
        Assert.Contains("other tensors", Assert.Throws<InvalidDataException>(() => Merge([more, Write(9, 6)])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 16, null)]
    [InlineData(8, 8, "The parts have only chunks 9-16 of the text's 16.")]
    [InlineData(0, 8, "The parts have only chunks 1-8 of the text's 16.")]
    public void Chunks_missing_at_either_end_are_said(int first, int count, string? message) =>
        Assert.Equal(message, new ChunkRange(first, count, 16).FindMissingEnds());

    [Fact]
    public void Parts_stand_where_the_first_of_them_does()
    {
        string[] paths = [Write(9, 4), WritePlain("a"), Write(0, 9), WritePlain("b")];

        IReadOnlyList<ImatrixFile> ordered = ImatrixPart.Order([.. paths.Select(path => ImatrixFile.Open(path))]);

        Assert.Equal([paths[2], paths[0], paths[1], paths[3]], ordered.Select(matrix => matrix.Path));

        string WritePlain(string name)
        {
            ImatrixData matrix = Matrix(0, 2);
            ImatrixWriter.Write(matrix, _folder.File(name), ImatrixFormat.Gguf, overwrite: false);
            return _folder.File(name);
        }
    }

    [Fact]
    public void Sums_that_contradict_each_other_are_an_error()
    {
        string path = Write(0, 9);
        long offset;
        using (GgufFile file = GgufFile.Open(path))
            offset = file.FindTensor(Name + ".precise")!.FileOffset;
        byte[] bytes = File.ReadAllBytes(path);
        foreach ((long at, double value) in ((long, double)[])[(offset, 1), (offset, double.NaN), (offset + (26 * sizeof(double)), 1e30), (offset + (26 * sizeof(double)), double.NaN)])
        {
            byte[] damaged = [.. bytes];
            BinaryPrimitives.WriteDoubleLittleEndian(damaged.AsSpan((int)at), value);
            File.WriteAllBytes(path, damaged);
            Assert.Contains("not its sum in single precision", Assert.Throws<ImatrixFormatException>(() => ImatrixData.Read(path)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("imatrix.part.model_hash", "imatrix.part.model_hush")]
    [InlineData("imatrix.part.chunk_count", "imatrix.part.chunk_cound")]
    [InlineData($"{Name}.precise", $"{Name}.imprecs")]
    public void A_part_that_lacks_something_is_an_error(string there, string instead)
    {
        string path = Write(0, 9);
        byte[] bytes = File.ReadAllBytes(path);
        int at = bytes.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(there));
        System.Text.Encoding.UTF8.GetBytes(instead).CopyTo(bytes, at);
        File.WriteAllBytes(path, bytes);

        Assert.Contains(there, Assert.Throws<ImatrixFormatException>(() => ImatrixFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0, 24)]
    [InlineData(20, 5, 24)]
    [InlineData(int.MaxValue, int.MaxValue, int.MaxValue)]
    public void A_range_outside_the_text_is_an_error(int first, int count, int total)
    {
        string path = Write(0, 9, matrix => matrix.Part = matrix.Part! with { Chunks = new(first, count, total) });

        Assert.Throws<ImatrixFormatException>(() => ImatrixFile.Open(path));
    }

    private string Write(int first, int count, Action<ImatrixData>? change = null)
    {
        ImatrixData matrix = Matrix(first, count);
        matrix.Part = new("text", "model", new(first, count, s_rows.Length));
        change?.Invoke(matrix);
        string path = _folder.File($"{first}.gguf");
        ImatrixWriter.Write(matrix, path, ImatrixFormat.Gguf, overwrite: true);
        return path;
    }

    private byte[] Merge(string[] paths)
    {
        ImatrixData merged = new(1);
        foreach (ImatrixFile part in ImatrixPart.Order([.. paths.Select(path => ImatrixFile.Open(path))]))
            merged.Merge(ImatrixData.From(part, 1));
        ImatrixWriter.Write(merged, _folder.File("merged.gguf"), ImatrixFormat.Gguf, overwrite: true);
        return File.ReadAllBytes(_folder.File("merged.gguf"));
    }

    // Two experts, each row for one of them.
    private static ImatrixData Matrix(int first, int count)
    {
        ImatrixData matrix = new(1);
        ImatrixSums sums = matrix.Entry(Name, 26, 2);
        foreach (float[] row in s_rows[first..(first + count)])
        {
            sums.Add(0, row[..13]);
            sums.Add(1, row[13..]);
            sums.Counts[0]++;
            sums.Counts[1]++;
        }
        matrix.AddDataset("text.txt");
        return matrix;
    }
}

using System.Runtime.InteropServices;
using System.Text;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;

namespace GgufQuant.Tests.Imatrix;

public sealed class ImatrixWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_GGUF_file_holds_sums_and_counts()
    {
        string path = _folder.File("imatrix.gguf");

        ImatrixWriter.Write(Example(), path, ImatrixFormat.Gguf, overwrite: false);

        using GgufFile file = GgufFile.Open(path);
        Assert.True(file.Metadata.TryGetString("general.type", out string? type));
        Assert.Equal("imatrix", type);
        Assert.Equal(["first.txt", "second.txt"], (string[])file.Metadata.Find("imatrix.datasets")!.Value);
        Assert.Equal(3u, file.Metadata.Find("imatrix.chunk_count")!.Value);
        Assert.Equal(4u, file.Metadata.Find("imatrix.chunk_size")!.Value);
        Assert.Equal(
            ["blk.0.attn_q.weight.in_sum2", "blk.0.attn_q.weight.counts", "blk.0.ffn_up_exps.weight.in_sum2", "blk.0.ffn_up_exps.weight.counts"],
            file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([2L, 3L], file.Tensors[2].Shape);
        Assert.Equal([1L, 3L], file.Tensors[3].Shape);
        Assert.Equal([10, 20], Floats(file, 0));
        Assert.Equal([5], Floats(file, 1));
        Assert.Equal([1, 2, 3, 4, 0, 0], Floats(file, 2));
        Assert.Equal([12, 2, 0], Floats(file, 3));
    }

    [Fact]
    public void The_older_format_holds_means()
    {
        string path = _folder.File("imatrix.dat");

        ImatrixWriter.Write(Example(), path, ImatrixFormat.Dat, overwrite: false);

        using BinaryReader reader = new(File.OpenRead(path));
        Assert.Equal(2, reader.ReadInt32());
        (string name, int calls, float[] values) = Entry(reader);
        Assert.Equal(("blk.0.attn_q.weight", 2), (name, calls));
        Assert.Equal([4, 8], values);
        (name, calls, values) = Entry(reader);
        Assert.Equal(("blk.0.ffn_up_exps.weight", 3), (name, calls));
        // Means times calls; the expert that saw nothing weights its columns equally.
        Assert.Equal([1 / 12f * 3, 2 / 12f * 3, 3 / 2f * 3, 4 / 2f * 3, 3, 3], values);
        Assert.Equal(3, reader.ReadInt32());
        Assert.Equal("second.txt", Text(reader));
        Assert.Equal(reader.BaseStream.Length, reader.BaseStream.Position);
    }

    [Fact]
    public void A_file_that_exists_is_kept()
    {
        string path = _folder.File("imatrix.gguf");
        File.WriteAllText(path, "kept");

        Assert.Throws<IOException>(() => ImatrixWriter.Write(Example(), path, ImatrixFormat.Gguf, overwrite: false));

        Assert.Equal("kept", File.ReadAllText(path));
    }

    [Fact]
    public void An_empty_matrix_is_not_written()
    {
        Assert.Throws<InvalidDataException>(() => ImatrixWriter.Write(new(4), _folder.File("imatrix.gguf"), ImatrixFormat.Gguf, overwrite: false));
    }

    [Fact]
    public void A_count_for_all_experts_is_spread_over_them()
    {
        ImatrixSums one = new(6, 1);
        ImatrixSums three = new(6, 3);
        one.Counts[0] = 5;
        three.Counts[1] = 7;

        Assert.True(one.TryMerge(three));

        Assert.Equal([5, 12, 5], one.Counts);
    }

    private static ImatrixData Example()
    {
        ImatrixData matrix = new(4);
        ImatrixSums experts = new(6, 3);
        ((double[])[1, 2, 3, 4, 0, 0]).CopyTo(experts.Squares, 0);
        ((long[])[12, 2, 0]).CopyTo(experts.Counts, 0);
        matrix.Merge("blk.0.ffn_up_exps.weight", experts);
        ImatrixSums dense = new(2, 1);
        ((double[])[10, 20]).CopyTo(dense.Squares, 0);
        dense.Counts[0] = 5;
        matrix.Merge("blk.0.attn_q.weight", dense);
        matrix.AddDataset("first.txt");
        matrix.AddDataset("second.txt");
        return matrix;
    }

    private static float[] Floats(GgufFile file, int index)
    {
        GgufTensor tensor = file.Tensors[index];
        float[] values = new float[tensor.ElementCount];
        file.Read(tensor, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private static (string Name, int Calls, float[] Values) Entry(BinaryReader reader)
    {
        string name = Text(reader);
        int calls = reader.ReadInt32();
        float[] values = new float[reader.ReadInt32()];
        for (int i = 0; i < values.Length; i++)
            values[i] = reader.ReadSingle();
        return (name, calls, values);
    }

    private static string Text(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes(reader.ReadInt32()));
}

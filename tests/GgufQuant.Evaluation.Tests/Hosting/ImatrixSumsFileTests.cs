using GgufQuant.Evaluation.Hosting;
using GgufQuant.Imatrix;

namespace GgufQuant.Evaluation.Tests.Hosting;

public sealed class ImatrixSumsFileTests
{
    [Fact]
    public void Sums_cross_without_loss()
    {
        using TemporaryFolder folder = new();
        ImatrixData matrix = Matrix();

        ImatrixSumsFile.Write(matrix, folder.File("sums"));
        ImatrixData read = ImatrixSumsFile.Read(folder.File("sums"));

        Assert.Equal(matrix.ChunkSize, read.ChunkSize);
        Assert.Equal(matrix.Datasets, read.Datasets);
        Assert.Equal(matrix.Entries.Keys, read.Entries.Keys);
        foreach ((string name, ImatrixSums sums) in matrix.Entries)
        {
            Assert.Equal(sums.Squares, read.Entries[name].Squares);
            Assert.Equal(sums.Corrections, read.Entries[name].Corrections);
            Assert.Equal(sums.Counts, read.Entries[name].Counts);
        }
    }

    [Fact]
    public void A_file_truncated_anywhere_is_an_error()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("sums");
        ImatrixSumsFile.Write(Matrix(), path);
        byte[] whole = File.ReadAllBytes(path);
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Throws<InvalidDataException>(() => ImatrixSumsFile.Read(path));
        }
    }

    [Fact]
    public void A_damaged_byte_is_an_error_or_another_number_but_never_a_crash()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("sums");
        ImatrixSumsFile.Write(Matrix(), path);
        byte[] whole = File.ReadAllBytes(path);
        for (int at = 0; at < whole.Length; at++)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 0xff;
            File.WriteAllBytes(path, damaged);
            if (Record.Exception(() => ImatrixSumsFile.Read(path)) is { } exception)
                Assert.IsType<InvalidDataException>(exception);
        }
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(-1)]
    public void A_sum_that_is_not_a_non_negative_number_is_an_error(double value)
    {
        using TemporaryFolder folder = new();
        ImatrixData matrix = Matrix();
        matrix.Entries["blk.0.a"].Squares[1] = value;
        ImatrixSumsFile.Write(matrix, folder.File("sums"));

        Assert.Contains("a sum", Assert.Throws<InvalidDataException>(() => ImatrixSumsFile.Read(folder.File("sums"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(0.1)]
    public void A_correction_that_changes_its_sum_is_an_error(double value)
    {
        using TemporaryFolder folder = new();
        ImatrixData matrix = Matrix();
        matrix.Entries["blk.0.a"].Corrections[0] = value;
        ImatrixSumsFile.Write(matrix, folder.File("sums"));

        Assert.Contains("correction", Assert.Throws<InvalidDataException>(() => ImatrixSumsFile.Read(folder.File("sums"))).Message, StringComparison.Ordinal);
    }

    private static ImatrixData Matrix()
    {
        ImatrixData matrix = new(7);
        matrix.AddDataset("text ä");
        ImatrixSums dense = new(3, 1);
        (dense.Squares[0], dense.Squares[2], dense.Counts[0]) = (0.1, double.MaxValue, 5);
        dense.Corrections[0] = 1e-18;
        matrix.Merge("blk.0.a", dense);
        ImatrixSums experts = new(4, 2);
        (experts.Squares[3], experts.Counts[1]) = (double.Epsilon, long.MaxValue);
        matrix.Merge("blk.0.b", experts);
        return matrix;
    }
}

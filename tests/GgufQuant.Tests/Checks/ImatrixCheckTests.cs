using GgufQuant.Checks;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Tests.Gguf;

namespace GgufQuant.Tests.Checks;

public sealed class ImatrixCheckTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static (string Key, object Value)[] Keys =>
        [("general.type", "imatrix"), ("imatrix.datasets", new[] { "text.txt" }), ("imatrix.chunk_count", 10u), ("imatrix.chunk_size", 512u)];

    private static (GgufTensorInfo Info, byte[] Data)[] Tensors => [Tensor("a.in_sum2", 64, 2), Tensor("a.counts", 1, 2)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("matrix.gguf")]
    [InlineData("matrix.dat")]
    [InlineData("matrix")]
    public void A_matrix_of_either_format_is_sound_whatever_its_name(string name)
    {
        string path = _folder.File(name);
        using (GgufFile model = GgufFile.Open(Sample.Model))
        {
            if (name == "matrix.gguf")
                TestImatrix.For(model).WriteGguf(path);
            else
                TestImatrix.For(model).WriteLegacy(path, calls: 3);
        }
        Assert.DoesNotContain(Run(path), finding => finding.Severity == FindingSeverity.Error);
    }

    [Fact]
    public void The_reader_takes_no_matrix_without_one_of_its_keys()
    {
        foreach ((string key, _) in Keys[1..])
            AssertError(Check(Keys.Where(other => other.Key != key), Tensors), key, "The key is missing");
        foreach (string key in (string[])["imatrix.chunk_count", "imatrix.chunk_size"])
            AssertError(Check(Keys.Select(other => other.Key == key ? (key, 10) : other), Tensors), key, "It is of type Int32, but llama.cpp takes only UInt32.");
    }

    [Fact]
    public void Texts_without_names_are_only_noticed()
    {
        GgufFinding finding = Check(Keys.Select(other => other.Key == "imatrix.datasets" ? (other.Key, "text.txt") : other), Tensors)[0];
        Assert.Equal((FindingSeverity.Warning, "imatrix.datasets"), (finding.Severity, finding.Subject));
    }

    [Fact]
    public void A_matrix_without_entries_is_an_error() => AssertError(Check(Keys, []), "general.type", "It has no entries");

    [Theory]
    [InlineData(0, "a.counts", "It belongs to a tensor 'a.in_sum2', which is missing.")]
    [InlineData(1, "a.in_sum2", "It belongs to a tensor 'a.counts', which is missing.")]
    public void Sums_and_counts_belong_together(int missing, string subject, string message) =>
        AssertError(Check(Keys, Tensors.Where((_, i) => i != missing)), subject, message);

    [Fact]
    public void Counts_must_divide_the_sums() =>
        AssertError(Check(Keys, [Tensor("a.in_sum2", 64, 1), Tensor("a.counts", 1, 3)]), "a.in_sum2", "Its 64 sums are not a multiple of the 3 counts in 'a.counts'.");

    [Fact]
    public void Halves_are_no_sums() =>
        AssertError(Check(Keys, [(new("a.in_sum2", GgmlType.F16, [64]), new byte[128]), Tensor("a.counts", 1, 1)]), "a.in_sum2", "It is f16, but llama.cpp takes only f32.");

    [Fact]
    public void A_negative_sum_is_an_error()
    {
        (GgufTensorInfo info, byte[] data) = Tensor("a.in_sum2", 64, 1);
        BitConverter.TryWriteBytes(data.AsSpan(40), -1f);
        Assert.Contains(Check(Keys, [(info, data), Tensor("a.counts", 1, 1)]), finding => finding.Message.Contains("column 10 is negative", StringComparison.Ordinal));
    }

    [Fact]
    public void Weights_that_would_be_lost_are_noticed()
    {
        (GgufTensorInfo info, byte[] data) = Tensor("a.in_sum2", 64, 1);
        data.AsSpan(0, 128).Clear();
        GgufFinding finding = Assert.Single(Check(Keys, [(info, data), Tensor("a.counts", 1, 1)]));
        Assert.Equal((FindingSeverity.Warning, "32 of its 64 columns have no importance in whole groups of 32, so their weights would be lost."), (finding.Severity, finding.Message));
    }

    [Fact]
    public void Another_tensor_is_only_noticed()
    {
        GgufFinding finding = Assert.Single(Check(Keys, [.. Tensors, Tensor("b", 4, 1)]));
        Assert.Equal((FindingSeverity.Warning, "b"), (finding.Severity, finding.Subject));
    }

    [Theory]
    [InlineData("matrix.dat", "'a' occurs twice")]
    [InlineData("matrix.gguf", "not 'GGUF'; this is not a GGUF file")]
    public void A_damaged_matrix_of_the_older_format_is_told_by_its_name(string name, string message)
    {
        string path = _folder.File(name);
        using (BinaryWriter writer = new(File.Create(path)))
        {
            writer.Write(2);
            for (int i = 0; i < 2; i++)
            {
                writer.Write(1);
                writer.Write("a"u8);
                writer.Write(1);
                writer.Write(1);
                writer.Write(1f);
            }
        }
        Assert.Contains(message, Assert.Single(Run(path)).Message, StringComparison.Ordinal);
    }

    private static (GgufTensorInfo Info, byte[] Data) Tensor(string name, long columns, long rows)
    {
        byte[] data = new byte[columns * rows * sizeof(float)];
        for (int i = 0; i < columns * rows; i++)
            BitConverter.TryWriteBytes(data.AsSpan(i * sizeof(float)), 1f);
        return (new(name, GgmlType.F32, [columns, rows]), data);
    }

    private static void AssertError(IReadOnlyList<GgufFinding> findings, string subject, string message)
    {
        GgufFinding finding = Assert.Single(findings);
        Assert.Equal((FindingSeverity.Error, subject), (finding.Severity, finding.Subject));
        Assert.Contains(message, finding.Message, StringComparison.Ordinal);
    }

    private IReadOnlyList<GgufFinding> Check(IEnumerable<(string, object)> metadata, IEnumerable<(GgufTensorInfo, byte[])> tensors)
    {
        string path = _folder.File("checked.gguf");
        File.WriteAllBytes(path, GgufBytes.Write(metadata, [.. tensors]));
        return Run(path);
    }

    private static IReadOnlyList<GgufFinding> Run(string path) => GgufCheck.Run(path, token: TestContext.Current.CancellationToken);
}

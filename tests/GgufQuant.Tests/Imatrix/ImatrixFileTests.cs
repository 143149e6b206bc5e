using System.Buffers.Binary;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Planning;
using GgufQuant.Tests.Planning;

namespace GgufQuant.Tests.Imatrix;

/// <summary>Reading both formats of importance matrices, and what a plan makes of them.</summary>
public sealed class ImatrixFileTests(TestModels models) : IClassFixture<TestModels>
{
    [Fact]
    public void Both_formats_are_read()
    {
        using GgufFile model = GgufFile.Open(models.PathOf("experts-8"));
        TestImatrix made = TestImatrix.For(model);
        (string gguf, string legacy) = (NewPath(), NewPath());
        made.WriteGguf(gguf);
        made.WriteLegacy(legacy, calls: 60);

        ImatrixFile fromGguf = ImatrixFile.Open(gguf, TestContext.Current.CancellationToken);
        Assert.Equal((false, 2000, 512), (fromGguf.IsLegacy, fromGguf.ChunkCount, fromGguf.ChunkSize));
        Assert.Equal(["first.txt", "second.txt"], fromGguf.Datasets);
        ImatrixFile fromLegacy = ImatrixFile.Open(legacy, TestContext.Current.CancellationToken);
        Assert.Equal((true, 77, (int?)null), (fromLegacy.IsLegacy, fromLegacy.ChunkCount, fromLegacy.ChunkSize));
        Assert.Equal(["c.txt"], fromLegacy.Datasets);

        foreach (TestImatrix.Entry entry in made.Entries)
        {
            Assert.Equal(entry.Means(), fromGguf.Find(entry.Name)!.ReadMeans());
            Assert.Equal(entry.LegacyValues(60).Select(value => value / 60), fromLegacy.Find(entry.Name)!.ReadMeans());
        }
        Assert.Null(fromGguf.Find("token_embd.weight"));
    }

    [Fact]
    public void Reading_stops_when_it_is_to()
    {
        using GgufFile model = GgufFile.Open(models.PathOf("dense"));
        string path = NewPath();
        TestImatrix.For(model).WriteGguf(path);
        Assert.Throws<OperationCanceledException>(() => ImatrixFile.Open(path, new(canceled: true)));
    }

    [Fact]
    public void The_older_format_may_end_without_text_and_have_no_calls()
    {
        using GgufFile model = GgufFile.Open(models.PathOf("ragged"));
        TestImatrix made = TestImatrix.For(model);
        string path = NewPath();
        made.WriteLegacy(path, calls: 3, trailer: false);
        ImatrixFile matrix = ImatrixFile.Open(path, TestContext.Current.CancellationToken);
        Assert.Equal((0, 0), (matrix.ChunkCount, matrix.Datasets.Count));

        // Without calls the values count as they are.
        byte[] bytes = File.ReadAllBytes(path);
        int calls = sizeof(int) + sizeof(int) + made.Entries[0].Name.Length;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(calls), 0);
        File.WriteAllBytes(path, bytes);
        Assert.Equal(made.Entries[0].LegacyValues(3), ImatrixFile.Open(path, TestContext.Current.CancellationToken).Entries[0].ReadMeans());
    }

    [Fact]
    public void Entries_are_chosen_by_parts_of_their_names()
    {
        using GgufFile model = GgufFile.Open(models.PathOf("dense"));
        string path = NewPath();
        TestImatrix.For(model).WriteGguf(path);
        ImatrixFile matrix = ImatrixFile.Open(path, TestContext.Current.CancellationToken);
        Assert.All(matrix.Where(["ffn_", "attn_v"], []).Entries, entry => Assert.Matches("ffn_|attn_v", entry.Name));
        Assert.DoesNotContain(matrix.Where([], ["ffn_"]).Entries, entry => entry.Name.Contains("ffn_", StringComparison.Ordinal));
        Assert.Equal(matrix.Entries.Count, matrix.Where([], []).Entries.Count);
    }

    [Theory]
    [InlineData(float.NaN, "not a finite number")]
    [InlineData(float.PositiveInfinity, "not a finite number")]
    [InlineData(-1f, "negative")]
    public void A_value_that_is_not_a_mean_of_squares_is_rejected_by_name_and_column(float bad, string problem)
    {
        using GgufFile model = GgufFile.Open(models.PathOf("dense"));
        string name = "blk.3.ffn_up.weight";
        TestImatrix made = TestImatrix.For(model).Replace(name, entry =>
        {
            float[] sums = [.. entry.Sums];
            sums[17] = bad;
            return entry with { Sums = sums };
        });
        (string gguf, string legacy) = (NewPath(), NewPath());
        made.WriteGguf(gguf);
        made.WriteLegacy(legacy, calls: 3);
        foreach (string path in new[] { gguf, legacy })
        {
            ImatrixFormatException thrown = Assert.Throws<ImatrixFormatException>(() => ImatrixFile.Open(path, TestContext.Current.CancellationToken));
            Assert.Contains($"importance of '{name}'", thrown.Message, StringComparison.Ordinal);
            Assert.Contains($"column 17 is {problem}", thrown.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_matrix_of_another_model_is_rejected_by_tensor()
    {
        using GgufFile model = GgufFile.Open(models.PathOf("dense"));
        using GgufFile other = GgufFile.Open(models.PathOf("narrow"));
        string path = NewPath();
        TestImatrix.For(other).WriteGguf(path);
        QuantizationOptions options = new() { Imatrix = ImatrixFile.Open(path, TestContext.Current.CancellationToken) };
        QuantizationException thrown = Assert.Throws<QuantizationException>(() => QuantizationPlan.Create(model, FileType.Q4_K_M, options));
        Assert.Contains("has 288 columns for tensor 'blk.0.attn_k.weight', but the tensor has 256", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_entry_matters_only_to_types_that_need_it()
    {
        using GgufFile model = GgufFile.Open(models.PathOf("dense"));
        string path = NewPath();
        TestImatrix.For(model).Replace("blk.5.attn_k.weight", _ => null).WriteGguf(path);
        QuantizationOptions options = new() { Imatrix = ImatrixFile.Open(path, TestContext.Current.CancellationToken) };

        PlannedTensor without = QuantizationPlan.Create(model, FileType.Q4_K_S, options).Tensors.Single(tensor => tensor.Name == "blk.5.attn_k.weight");
        Assert.Null(without.Importance);
        QuantizationException thrown = Assert.Throws<QuantizationException>(() => QuantizationPlan.Create(model, FileType.IQ2_XS, options));
        Assert.Contains("has no entry for tensor 'blk.5.attn_k.weight', which would become iq2_xs", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_files_give_the_documented_exceptions_alone()
    {
        using GgufFile model = GgufFile.Open(models.PathOf("ragged"));
        (string gguf, string legacy, string damaged) = (NewPath(), NewPath(), NewPath());
        TestImatrix.For(model).WriteGguf(gguf);
        TestImatrix.For(model).WriteLegacy(legacy, calls: 3);
        Random random = new(5);
        int rejected = 0;
        foreach (byte[] whole in new[] { File.ReadAllBytes(gguf), File.ReadAllBytes(legacy) })
        {
            for (int i = 0; i < 2000; i++)
            {
                byte[] bytes = [.. whole];
                int at = random.Next(Math.Min(bytes.Length, 4096) - 8);
                if (i % 3 == 0)
                    Array.Resize(ref bytes, at);
                else if (i % 3 == 1)
                    bytes[at] ^= (byte)(1 << random.Next(8));
                else
                    BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), random.Next(4) switch { 0 => -1, 1 => int.MaxValue, 2 => int.MinValue, _ => random.Next() });
                File.WriteAllBytes(damaged, bytes);
                Exception? exception = Record.Exception(() => ImatrixFile.Open(damaged, TestContext.Current.CancellationToken));
                Assert.True(exception is null or ImatrixFormatException or GgufFormatException, $"{exception}");
                rejected += exception is null ? 0 : 1;
            }
        }
        Assert.InRange(rejected, 1000, 4000);
    }

    private string NewPath() => Path.Combine(models.Folder, $"{Guid.NewGuid():N}.imatrix");
}

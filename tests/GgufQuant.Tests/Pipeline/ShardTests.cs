using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Pipeline;
using GgufQuant.Planning;
using GgufQuant.Tests.Planning;

namespace GgufQuant.Tests.Pipeline;

/// <summary>Shards that are written apart, by several processes.</summary>
public sealed class ShardTests(TestModels models) : IClassFixture<TestModels>
{
    public static TheoryData<string> Splits => ["size", "tensors", "kept", "weighed", "copied"];

    [Theory]
    [MemberData(nameof(Splits))]
    public void Each_shard_is_the_one_of_the_whole_run(string split)
    {
        using GgufFile source = Open(split);
        QuantizationPlan plan = Plan(source, split);
        (string whole, string apart) = (NewPath(), NewPath());
        QuantizationResult all = Run(plan, whole);
        Assert.InRange(plan.Shards.Count, 3, 20);

        long size = 0, weights = 0;
        foreach (int number in plan.Shards.Numbers.Reverse())
        {
            QuantizationPlan part = plan.ForShards([number]);
            QuantizationResult result = Run(part, apart);
            Assert.Equal([result.Path], part.PathsAt(apart));
            Assert.Equal(new FileInfo(result.Path).Length, result.Size);
            Assert.Equal(part.Tensors.Sum(tensor => tensor.Source.ByteCount), result.SourceSize);
            Assert.Equal((all.Type, plan.Imatrix), (result.Type, part.Imatrix));
            (size, weights) = (size + result.Size, weights + result.Weights);
        }
        Assert.Equal((all.Size, all.Weights), (size, weights));
        AssertSame(plan.PathsAt(whole), plan.PathsAt(apart));
    }

    [Fact]
    public void Several_shards_are_written_in_one_run_and_no_others()
    {
        using GgufFile source = Open("size");
        QuantizationPlan plan = Plan(source, "size");
        (string whole, string apart) = (NewPath(), NewPath());
        Run(plan, whole);
        QuantizationPlan part = plan.ForShards([2, 0, 2]);
        Run(part, apart);
        Assert.Equal([0, 2], part.Shards.Numbers);
        Assert.Equal(part.PathsAt(apart).Order(), FilesOf(apart));
        AssertSame([plan.PathsAt(whole)[0], plan.PathsAt(whole)[2]], part.PathsAt(apart));
    }

    [Fact]
    public void Only_the_tensors_of_the_shard_are_read()
    {
        using GgufFile source = Open("size");
        string damaged = NewPath();
        File.Copy(source.Path, damaged);
        using (FileStream stream = File.OpenWrite(damaged))
        {
            // Not numbers, which no run that reads them accepts.
            QuantizationPlan first = Plan(source, "size").ForShards([0]);
            foreach (GgufTensor tensor in first.Tensors.Select(tensor => tensor.Source))
            {
                stream.Position = tensor.FileOffset;
                stream.Write(Enumerable.Repeat((byte)0xFF, (int)tensor.ByteCount).ToArray());
            }
        }
        using GgufFile other = GgufFile.Open(damaged);
        QuantizationPlan plan = Plan(other, "size");
        Assert.Throws<QuantizationException>(() => Run(plan.ForShards([0]), NewPath()));
        Run(plan.ForShards([1, 2]), NewPath());
    }

    [Fact]
    public void A_shard_that_does_not_exist_cannot_be_written()
    {
        using GgufFile source = Open("size");
        QuantizationPlan plan = Plan(source, "size");
        Assert.Throws<ArgumentOutOfRangeException>(() => plan.ForShards([plan.Shards.Count]));
        Assert.Throws<ArgumentOutOfRangeException>(() => plan.ForShards([1]).ForShards([0]));
    }

    [Fact]
    public void A_finished_shard_is_recognized_without_its_data()
    {
        using GgufFile source = Open("weighed");
        QuantizationPlan plan = Plan(source, "weighed");
        string path = NewPath();
        Run(plan, path);
        for (int number = 0; number < plan.Shards.Count; number++)
            Assert.Null(plan.Shards.FindDifference(number, plan.PathsAt(path)[number], plan.InputPaths));

        string shard = plan.PathsAt(path)[1];
        Assert.Equal("has another header", Difference(other => other.Position = 30));
        Assert.Null(Difference(other => other.Position = other.Length - 1));
        Assert.StartsWith("has ", Difference(other => other.SetLength(other.Length - 1)), StringComparison.Ordinal);
        Assert.StartsWith("has ", Difference(other => other.SetLength(other.Length + 1)), StringComparison.Ordinal);
        File.SetLastWriteTimeUtc(shard, File.GetLastWriteTimeUtc(source.Path).AddSeconds(-1));
        Assert.Equal($"is older than '{source.Path}'", plan.Shards.FindDifference(1, shard, plan.InputPaths));
        // Of the same length and with other types.
        QuantizationPlan copy = QuantizationPlan.CreateCopy(source, new() { Split = new() { MaxTensors = 3 } });
        Assert.NotNull(copy.Shards.FindDifference(1, shard, plan.InputPaths));

        string? Difference(Action<FileStream> change)
        {
            string changed = NewPath();
            File.Copy(shard, changed);
            using (FileStream stream = File.Open(changed, FileMode.Open))
            {
                change(stream);
                if (stream.Position > 0)
                    stream.WriteByte(0xEE);
            }
            return plan.Shards.FindDifference(1, changed, plan.InputPaths);
        }
    }

    [Fact]
    public void A_shard_is_older_than_a_matrix_that_was_made_after_it()
    {
        using GgufFile source = Open("weighed");
        QuantizationPlan plan = Plan(source, "weighed");
        string path = NewPath();
        Run(plan.ForShards([0]), path);
        string matrix = plan.InputPaths.Last();
        File.SetLastWriteTimeUtc(matrix, DateTime.UtcNow.AddMinutes(1));
        Assert.Equal($"is older than '{matrix}'", plan.Shards.FindDifference(0, plan.PathsAt(path)[0], plan.InputPaths));
    }

    private GgufFile Open(string split)
    {
        if (split == "size")
            return GgufFile.Open(Sample.Model);
        if (split != "kept")
            return GgufFile.Open(models.PathOf("dense"));
        using GgufFile whole = GgufFile.Open(models.PathOf("dense"));
        return GgufFile.Open(GgufSplitter.Split(whole, NewPath(), new() { MaxTensors = 20 }, progress: null, TestContext.Current.CancellationToken)[0]);
    }

    private QuantizationPlan Plan(GgufFile source, string split) => split switch
    {
        "copied" => QuantizationPlan.CreateCopy(source, new() { Split = new() { MaxTensors = 20 } }),
        _ => QuantizationPlan.Create(source, FileType.Q4_K_M, OptionsFor(source, split)),
    };

    private QuantizationOptions OptionsFor(GgufFile source, string split) => split switch
    {
        "size" => new() { Split = new() { MaxBytes = 500_000 } },
        "tensors" => new() { Split = new() { MaxTensors = 20 } },
        "kept" => new() { KeepSplit = true },
        _ => new() { Split = new() { MaxTensors = 20 }, Imatrix = NewMatrix(source) },
    };

    private ImatrixFile NewMatrix(GgufFile source)
    {
        string path = NewPath();
        TestImatrix.For(source).WriteGguf(path);
        return ImatrixFile.Open(path, TestContext.Current.CancellationToken);
    }

    private string NewPath() => Path.Combine(models.Folder, $"{Guid.NewGuid():N}.gguf");

    private string[] FilesOf(string destination) =>
        [.. Directory.GetFiles(models.Folder, $"{Path.GetFileNameWithoutExtension(destination)}*").Order()];

    private static QuantizationResult Run(QuantizationPlan plan, string path) =>
        new Quantizer().Run(plan, path, overwrite: false, progress: null, TestContext.Current.CancellationToken);

    private static void AssertSame(IReadOnlyList<string> expected, IReadOnlyList<string> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        Assert.All(expected.Zip(actual), pair => Assert.True(File.ReadAllBytes(pair.First).AsSpan().SequenceEqual(File.ReadAllBytes(pair.Second)), pair.Second));
    }
}

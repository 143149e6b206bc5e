using GgufQuant.Gguf;
using GgufQuant.HuggingFace;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Tests.HuggingFace;

public sealed class ConversionWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, 2)]
    [InlineData(-1, 1)]
    public void A_shard_may_be_exactly_as_large_as_allowed(int difference, int expected)
    {
        GoldenCase golden = new("llama3_bpe");
        using HuggingFaceModel model = HuggingFaceModel.Open(golden.CopyTo(_folder.Path), golden.OptionsOf(golden.Labels.First()).Options);
        long limit = model.File.Tensors[0].ByteCount + model.File.Tensors[1].ByteCount + difference;
        GgufSplitOptions split = new() { MaxBytes = limit };
        string destination = _folder.File("m.gguf");
        model.Write(destination, model.LayOut(split), token: TestContext.Current.CancellationToken);
        using GgufFile first = GgufFile.OpenShard(model.LayOut(split).PathsAt(destination)[0]);
        Assert.Equal(expected, first.Tensors.Count);
    }

    [Fact]
    public void Each_shard_is_the_one_of_the_whole_conversion()
    {
        GoldenCase golden = new("llama3_bpe");
        using HuggingFaceModel model = HuggingFaceModel.Open(golden.CopyTo(_folder.Path), golden.OptionsOf(golden.Labels.First()).Options);
        ShardLayout all = model.LayOut(new() { MaxTensors = 4 });
        (string whole, string apart) = (_folder.File("whole.gguf"), _folder.File("apart.gguf"));
        long size = model.Write(whole, all, token: TestContext.Current.CancellationToken).Size;
        Assert.InRange(all.Count, 3, 20);
        foreach (int number in all.Numbers.Reverse())
        {
            ShardLayout part = all.Only([number]);
            WrittenFile written = model.Write(apart, part, token: TestContext.Current.CancellationToken);
            Assert.Equal(new FileInfo(written.Path).Length, written.Size);
            Assert.InRange(written.SourceSize, 1, model.File.Length - 1);
            size -= written.Size;
            Assert.Equal(File.ReadAllBytes(all.PathsAt(whole)[number]), File.ReadAllBytes(part.PathsAt(apart)[0]));
            Assert.Null(all.FindDifference(number, written.Path, model.File.SourcePaths));
        }
        Assert.Equal(0, size);
    }

    [Fact]
    public void A_failure_while_it_is_written_leaves_nothing()
    {
        GoldenCase golden = new("llama3_bpe");
        using HuggingFaceModel model = HuggingFaceModel.Open(golden.CopyTo(_folder.Path), golden.OptionsOf(golden.Labels.First()).Options);
        DirectoryInfo made = Directory.CreateDirectory(_folder.File("made"));
        FailingProgress progress = new();
        Assert.Same(progress.Failure, Assert.Throws<InvalidOperationException>(
            () => model.Write(Path.Combine(made.FullName, "m.gguf"), progress: progress, token: TestContext.Current.CancellationToken)));
        Assert.Empty(made.GetFileSystemInfos());
    }

    private sealed class FailingProgress : IProgress<WorkProgress>
    {
        public InvalidOperationException Failure { get; } = new();

        public void Report(WorkProgress value) => throw Failure;
    }
}

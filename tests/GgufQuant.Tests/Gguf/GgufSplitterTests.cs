using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Gguf;

/// <summary>Splitting gives the shards that llama-gguf-split writes; merging gives the file that was split.</summary>
public sealed class GgufSplitterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(2, null, false, "2 2 2")]
    [InlineData(4, null, false, "4 2")]
    [InlineData(4, null, true, "0 4 2")]
    [InlineData(1, null, false, "1 1 1 1 1 1")]
    [InlineData(128, null, false, "6")]
    [InlineData(128, 224L, false, "3 3")]
    [InlineData(128, 223L, false, "2 1 3")]
    [InlineData(128, 1L, false, "1 1 1 1 1 1")]
    [InlineData(128, 1L, true, "0 1 1 1 1 1 1")]
    public void Shards_respect_the_limits_and_have_the_bytes_of_ggml(int maxTensors, long? maxBytes, bool metadataAlone, string expected)
    {
        string source = WriteSource(GgufBytes.EveryValue);
        using GgufFile file = GgufFile.Open(source);
        GgufSplitOptions options = new() { MaxTensors = maxTensors, MaxBytes = maxBytes, MetadataAlone = metadataAlone };
        IReadOnlyList<string> paths = GgufSplitter.Split(file, _folder.File("part"), options, token: TestContext.Current.CancellationToken);
        int[] counts = [.. expected.Split(' ').Select(int.Parse)];
        Assert.Equal(counts, GgufSplitter.Plan(file, options).Select(shard => shard.Count));
        Assert.Equal(counts.Select((_, i) => _folder.File($"part-{i + 1:D5}-of-{counts.Length:D5}.gguf")), paths);

        if (ReferenceLibrary.Missing is null)
        {
            int tensor = 0;
            for (int i = 0; i < counts.Length; i++)
            {
                // llama-gguf-split sets the count twice, and ggml moves a key that is set again to the end.
                (string, object)[] split = [("split.no", (ushort)i), ("split.tensors.count", 6), ("split.count", (ushort)counts.Length)];
                byte[] shard = ReferenceGguf.Write([.. i == 0 ? GgufBytes.EveryValue : [], .. split], [.. GgufBytes.SomeTensors.Skip(tensor).Take(counts[i])], _folder.File("reference.gguf"));
                Assert.Equal(shard, File.ReadAllBytes(paths[i]));
                tensor += counts[i];
            }
        }

        using GgufFile shards = GgufFile.Open(paths[^1]);
        string merged = _folder.File("merged.gguf");
        GgufSplitter.Merge(shards, merged, token: TestContext.Current.CancellationToken);
        Assert.Equal(File.ReadAllBytes(source), File.ReadAllBytes(merged));
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.partial"));
    }

    [Fact]
    public void Another_alignment_survives()
    {
        string source = WriteSource([.. GgufBytes.EveryValue, ("general.alignment", 256u)]);
        using GgufFile file = GgufFile.Open(source);
        IReadOnlyList<string> paths = GgufSplitter.Split(file, _folder.File("part"), new() { MaxTensors = 2 }, token: TestContext.Current.CancellationToken);
        using GgufFile shards = GgufFile.Open(paths[0]);
        string merged = _folder.File("merged.gguf");
        GgufSplitter.Merge(shards, merged, token: TestContext.Current.CancellationToken);
        Assert.Equal(File.ReadAllBytes(source), File.ReadAllBytes(merged));
    }

    [Fact]
    public void A_shard_that_exists_is_kept_and_nothing_is_left_behind()
    {
        using GgufFile file = GgufFile.Open(WriteSource([]));
        string taken = _folder.File("part-00002-of-00003.gguf");
        File.WriteAllText(taken, "mine");
        Assert.Throws<IOException>(() => GgufSplitter.Split(file, _folder.File("part"), new() { MaxTensors = 2 }, token: TestContext.Current.CancellationToken));
        Assert.Equal(["part-00002-of-00003.gguf", "source.gguf"], _folder.Files.Select(Path.GetFileName).Order());
        Assert.Equal("mine", File.ReadAllText(taken));
        GgufSplitter.Split(file, _folder.File("part"), new() { MaxTensors = 2, Overwrite = true }, token: TestContext.Current.CancellationToken);
        using GgufFile shards = GgufFile.Open(taken);
        Assert.Equal(3, shards.Shards.Count);
    }

    [Fact]
    public void Stopping_leaves_nothing_behind()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        using CancellationTokenSource source = new();
        StopAt stop = new(source, 0.5);
        Assert.ThrowsAny<OperationCanceledException>(() => GgufSplitter.Merge(file, _folder.File("copy.gguf"), progress: stop, token: source.Token));
        Assert.True(stop.Reached);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void Limits_must_be_positive()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        Assert.Throws<ArgumentException>(() => GgufSplitter.Plan(file, new() { MaxTensors = 0 }));
        Assert.Throws<ArgumentException>(() => GgufSplitter.Plan(file, new() { MaxBytes = -1 }));
    }

    private string WriteSource(IEnumerable<(string, object)> metadata)
    {
        string path = _folder.File("source.gguf");
        File.WriteAllBytes(path, GgufBytes.Write(metadata, GgufBytes.SomeTensors));
        return path;
    }

    private sealed class StopAt(CancellationTokenSource source, double share) : IProgress<WorkProgress>
    {
        public bool Reached { get; private set; }

        public void Report(WorkProgress value)
        {
            if (value.Share < share)
                return;
            Reached = true;
            source.Cancel();
        }
    }
}

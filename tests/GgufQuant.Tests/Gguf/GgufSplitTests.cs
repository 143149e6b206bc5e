using GgufQuant.Gguf;

namespace GgufQuant.Tests.Gguf;

/// <summary>Models in several files: any of them opens the whole model, and files that do not belong together are rejected.</summary>
public sealed class GgufSplitTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Any_shard_opens_the_whole_model(int shard)
    {
        WriteShards();
        using GgufFile file = GgufFile.Open(ShardPath(shard));
        Assert.Equal(ShardPath(0), file.Path);
        Assert.Equal(Enumerable.Range(0, 3).Select(ShardPath), file.Shards.Select(part => part.Path));
        Assert.Equal(file.Shards.Sum(part => new FileInfo(part.Path).Length), file.Length);
        Assert.Equal("llama", file.Metadata.Find("general.architecture")!.Value);
        Assert.Equal(GgufBytes.SomeTensors.Select(tensor => tensor.Info.Name), file.Tensors.Select(tensor => tensor.Name));
        foreach ((GgufTensor tensor, byte[] data) in file.Tensors.Zip(GgufBytes.SomeTensors, (tensor, given) => (tensor, given.Data)))
            Assert.Equal(data, file.Read(tensor));
    }

    [Fact]
    public void A_first_shard_without_tensors_is_fine()
    {
        Write(0, 2, 2, 4, [], GgufBytes.EveryValue);
        Write(1, 2, 2, 4, GgufBytes.SomeTensors.Take(4), []);
        using GgufFile file = GgufFile.Open(PathOf(0, 2));
        Assert.Equal(4, file.Tensors.Count);
        Assert.All(file.Tensors, tensor => Assert.Equal(1, tensor.Shard));
    }

    [Fact]
    public void A_missing_shard_is_named()
    {
        WriteShards();
        File.Delete(ShardPath(1));
        MissingShardsException exception = Assert.Throws<MissingShardsException>(() => GgufFile.Open(ShardPath(2)));
        Assert.Contains("Shard 2 of 3 is missing", exception.Message);
        Assert.Contains(ShardPath(1), exception.Message);
    }

    [Fact]
    public void All_missing_shards_are_named()
    {
        foreach (int number in (int[])[0, 5])
            Write(number, 8, 8, 2, GgufBytes.SomeTensors.Skip(number).Take(1), []);
        MissingShardsException exception = Assert.Throws<MissingShardsException>(() => GgufFile.Open(PathOf(5, 8)));
        Assert.StartsWith("6 of 8 shards are missing: 2-5, 7-8. The first is ", exception.Message, StringComparison.Ordinal);
        Assert.Equal(PathOf(1, 8), exception.FileName);
        Assert.Equal(((int[])[1, 2, 3, 4, 6, 7]).Select(number => PathOf(number, 8)), exception.Findings.Select(shard => shard.Path));
    }

    [Fact]
    public void The_error_for_a_renamed_shard_gives_its_name()
    {
        WriteShards();
        string path = _folder.File("renamed.gguf");
        File.Move(ShardPath(0), path);
        GgufFormatException exception = Assert.Throws<GgufFormatException>(() => GgufFile.Open(path));
        Assert.Contains("must end in '-00001-of-00003.gguf'", exception.Message);
        Assert.Equal("metadata 'split.no'", exception.Field);
    }

    [Fact]
    public void More_shards_than_can_be_numbered_are_rejected_before_memory_is_allocated()
    {
        string path = PathOf(0, int.MaxValue);
        File.WriteAllBytes(path, GgufBytes.Write([("split.no", (ushort)0), ("split.count", int.MaxValue)], []));
        GgufFormatException exception = Assert.Throws<GgufFormatException>(() => GgufFile.Open(path));
        Assert.Equal("metadata 'split.count'", exception.Field);
        Assert.Contains("exceed the limit of 65535", exception.Message);
    }

    [Fact]
    public void A_shard_in_anothers_place_is_rejected()
    {
        WriteShards();
        File.Copy(ShardPath(2), ShardPath(1), overwrite: true);
        GgufFormatException exception = Assert.Throws<GgufFormatException>(() => GgufFile.Open(ShardPath(0)));
        Assert.Equal(ShardPath(1), exception.FilePath);
        Assert.Contains("shard 3 of 3", exception.Message);
    }

    [Fact]
    public void A_whole_model_in_a_shards_place_is_rejected()
    {
        WriteShards();
        File.WriteAllBytes(ShardPath(1), GgufBytes.Write([], []));
        GgufFormatException exception = Assert.Throws<GgufFormatException>(() => GgufFile.Open(ShardPath(0)));
        Assert.Contains("belongs to another model", exception.Message);
    }

    [Fact]
    public void A_tensor_in_two_shards_is_rejected()
    {
        Write(0, 2, 2, 2, GgufBytes.SomeTensors.Take(1), []);
        Write(1, 2, 2, 2, GgufBytes.SomeTensors.Take(1), []);
        GgufFormatException exception = Assert.Throws<GgufFormatException>(() => GgufFile.Open(PathOf(0, 2)));
        Assert.Contains("'token_embd.weight'", exception.Message);
    }

    [Fact]
    public void A_wrong_total_is_rejected()
    {
        Write(0, 2, 2, 5, GgufBytes.SomeTensors.Take(1), []);
        Write(1, 2, 2, 5, GgufBytes.SomeTensors.Skip(1).Take(1), []);
        GgufFormatException exception = Assert.Throws<GgufFormatException>(() => GgufFile.Open(PathOf(0, 2)));
        Assert.Contains("5 tensors", exception.Message);
    }

    [Fact]
    public void A_shard_number_beyond_the_count_is_rejected()
    {
        Write(0, 2, 2, 1, GgufBytes.SomeTensors.Take(1), [], number: 7);
        Assert.Throws<GgufFormatException>(() => GgufFile.Open(PathOf(0, 2)));
    }

    [Fact]
    public void Failing_leaves_no_file_open()
    {
        WriteShards();
        File.Delete(ShardPath(2));
        Assert.Throws<MissingShardsException>(() => GgufFile.Open(ShardPath(0)));
        using FileStream exclusive = new(ShardPath(0), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
    }

    private void WriteShards()
    {
        Write(0, 3, 3, 6, GgufBytes.SomeTensors.Take(2), GgufBytes.EveryValue);
        Write(1, 3, 3, 6, GgufBytes.SomeTensors.Skip(2).Take(3), []);
        Write(2, 3, 3, 6, GgufBytes.SomeTensors.Skip(5), []);
    }

    private void Write(
        int shard, int shards, int count, int total, IEnumerable<(GgufTensorInfo, byte[])> tensors,
        IEnumerable<(string, object)> metadata, int? number = null) =>
        File.WriteAllBytes(
            PathOf(shard, shards),
            GgufBytes.Write(
                [.. metadata, ("split.no", (ushort)(number ?? shard)), ("split.count", (ushort)count), ("split.tensors.count", total)],
                [.. tensors]));

    private string ShardPath(int shard) => PathOf(shard, 3);

    private string PathOf(int shard, int shards) => _folder.File($"model-{shard + 1:D5}-of-{shards:D5}.gguf");
}

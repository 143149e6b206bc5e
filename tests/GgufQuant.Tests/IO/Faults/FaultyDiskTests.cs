using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Tests.IO.Faults;

/// <summary>What a disk does not take is not said to be written, and nothing unfinished stays.</summary>
public sealed class FaultyDiskTests : IDisposable
{
    private const int IoError = 5;
    private const int NoSpace = 28;
    private const int InvalidArgument = 22;

    private readonly TemporaryFolder _folder = new();

    private string Target => _folder.File("model.gguf");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(IoError)]
    [InlineData(NoSpace)]
    public Task A_file_that_cannot_be_flushed_has_failed(int error) =>
        FaultyDisk.AssertPassAsync(typeof(FaultyDiskTests), nameof(Flush_fails), ("FAULT_FSYNC_FILE", error));

    [Theory]
    [InlineData(IoError)]
    [InlineData(NoSpace)]
    public Task A_folder_that_cannot_be_flushed_is_an_error(int error) =>
        FaultyDisk.AssertPassAsync(typeof(FaultyDiskTests), nameof(Folder_flush_fails), ("FAULT_FSYNC_FOLDER", error));

    [Fact]
    public Task A_file_system_without_flushing_will_do() =>
        FaultyDisk.AssertPassAsync(typeof(FaultyDiskTests), nameof(Flush_is_unknown), ("FAULT_FSYNC_FILE", InvalidArgument), ("FAULT_FSYNC_FOLDER", InvalidArgument));

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(70_000)]
    [InlineData(200_000)]
    public Task A_full_disk_leaves_nothing(int room) =>
        FaultyDisk.AssertPassAsync(typeof(FaultyDiskTests), nameof(Disk_is_full), ("FAULT_ROOM", room));

    [Fact(Explicit = true)]
    public void Flush_fails()
    {
        File.WriteAllBytes(Target, [7]);
        using (AtomicFile file = AtomicFile.Create(Target, 2, overwrite: true, Header))
            Assert.Contains("could not be flushed to the disk", Assert.Throws<IOException>(() => file.Commit(TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        Assert.Equal([7], File.ReadAllBytes(Target));
        Assert.Equal([Target], _folder.Files);

        File.Copy(Sample.Model, Target, overwrite: true);
        Assert.Throws<IOException>(() => GgufMetadataEditor.Apply(Target, [GgufEntry.Create("general.name", new string('x', 5000))], [], progress: null, TestContext.Current.CancellationToken));
        AssertIsSample();
        Assert.Throws<IOException>(() => Quantize(shards: 1));
        Assert.Throws<IOException>(() => Quantize(shards: 10));
        Assert.Equal([Target], _folder.Files);
    }

    [Fact(Explicit = true)]
    public void Folder_flush_fails()
    {
        using AtomicFile file = AtomicFile.Create(Target, 2, overwrite: false, Header);
        Assert.Contains("could not be flushed to the disk", Assert.Throws<IOException>(() => file.Commit(TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public void Flush_is_unknown()
    {
        using (AtomicFile file = AtomicFile.Create(Target, 2, overwrite: false, Header))
            file.Commit(TestContext.Current.CancellationToken);
        Assert.Equal([1, 2], File.ReadAllBytes(Target));
    }

    [Fact(Explicit = true)]
    public void Disk_is_full()
    {
        // Longer than the buffer, which is tried again when the file is closed.
        Assert.Throws<IOException>(() => AtomicFile.Create(Target, 300_000, overwrite: false, stream => stream.Write(new byte[300_000])));
        Assert.Throws<IOException>(() => AtomicFile.Create(Target, 300_000, overwrite: false, WriteBytewise));
        Assert.Throws<IOException>(() => Quantize(shards: 1));
        Assert.Throws<IOException>(() => Quantize(shards: 10));
        Assert.Empty(_folder.Files);
    }

    private static void Header(Stream stream) => stream.Write([1, 2]);

    private static void WriteBytewise(Stream stream)
    {
        for (int i = 0; i < 300_000; i++)
            stream.WriteByte(1);
    }

    private void Quantize(int shards)
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationOptions options = shards == 1 ? new() : new() { Split = new() { MaxTensors = (source.Tensors.Count + shards - 1) / shards } };
        new Quantizer().Run(QuantizationPlan.Create(source, FileType.Q4_K_M, options), _folder.File("quantized.gguf"), overwrite: false, progress: null, TestContext.Current.CancellationToken);
    }

    private void AssertIsSample() => Assert.True(File.ReadAllBytes(Target).AsSpan().SequenceEqual(File.ReadAllBytes(Sample.Model)));
}

using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Tests.IO;

/// <summary>A lack of disk space is reported before a byte is written, however many files the bytes are divided among.</summary>
public sealed class DiskSpaceTests : IDisposable
{
    private const int Tensors = 4;
    private readonly TemporaryFolder _folder = new();
    private readonly CancellationTokenSource _inTime = new(TimeSpan.FromSeconds(2));

    public void Dispose()
    {
        _inTime.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(Tensors)]
    [InlineData(1)]
    public void Quantizing_without_room_is_rejected(int tensorsPerShard)
    {
        using GgufFile source = OpenLargerThanTheDisk();
        QuantizationOptions options = new() { Split = new() { MaxTensors = tensorsPerShard } };
        QuantizationPlan plan = QuantizationPlan.CreateCopy(source, options);
        string path = _folder.File("copy.gguf");
        foreach (bool resume in new[] { false, true })
            AssertRejected(() => new Quantizer(new() { Resume = resume }).Run(plan, path, overwrite: false, progress: null, _inTime.Token));
    }

    [Theory]
    [InlineData(Tensors)]
    [InlineData(1)]
    public void Splitting_without_room_is_rejected(int tensorsPerShard)
    {
        using GgufFile source = OpenLargerThanTheDisk();
        AssertRejected(() => GgufSplitter.Split(source, _folder.File("part"), new() { MaxTensors = tensorsPerShard }, progress: null, _inTime.Token));
    }

    [Fact]
    public void A_little_more_than_there_is_is_rejected_and_a_little_less_is_not()
    {
        long room = FileSystem.Native.FindFreeBytes(_folder.Path)!.Value;
        string path = _folder.File("model.gguf");
        // Others write to the same disk meanwhile.
        DiskSpace.Check(path, room / 10 * 9);
        Assert.Throws<DiskFullException>(() => DiskSpace.Check(path, room / 10 * 11));
    }

    private void AssertRejected(Action write)
    {
        Assert.Contains("bytes free", Assert.Throws<DiskFullException>(write).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.partial"));
    }

    // Each tensor alone would fit. The file is sparse, so it takes no space itself.
    private GgufFile OpenLargerThanTheDisk()
    {
        long room = FileSystem.Native.FindFreeBytes(_folder.Path)!.Value;
        long rows = room / 2 / (1024 * sizeof(float));
        string path = _folder.File("large.gguf");
        using (FileStream stream = SparseFile.Create(path))
        {
            GgufFiles.WriteZeros(
                stream,
                [GgufEntry.Create("general.architecture", "llama"), GgufEntry.Create("llama.block_count", 1u)],
                Enumerable.Range(0, Tensors).Select(i => new GgufTensorInfo($"blk.0.tensor{i}.weight", GgmlType.F32, [1024, rows])));
        }
        return GgufFile.Open(path);
    }
}

using System.Diagnostics;
using GgufQuant.Checks;
using GgufQuant.Comparison;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.IO;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Tests.Gguf;

/// <summary>Files that are not regular, never end, or change while being read neither hang the reader nor go unnoticed.</summary>
public sealed class UntrustedFileTests : IDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(20);
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_pipe_without_a_writer_is_rejected_at_once()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Known on Linux alone.");
        string pipe = _folder.File("pipe.gguf");
        using (Process make = Process.Start("mkfifo", [pipe]))
            await make.WaitForExitAsync(Token);
        string link = _folder.File("link.gguf");
        File.CreateSymbolicLink(link, pipe);
        foreach (string path in (string[])[pipe, link])
        {
            await AssertRejectedAsync(() => GgufFile.Open(path, Token));
            await AssertRejectedAsync(() => GgufFile.FirstShardOf(path, Token));
            await AssertRejectedAsync(() => GgufCheck.Run(path, token: Token));
            await AssertRejectedAsync(() => GgufMetadataEditor.Apply(path, [], [], token: Token));
            await AssertRejectedAsync(() => ImatrixFile.Open(path, Token));
        }
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/urandom")]
    [InlineData("/dev/tty")]
    public async Task A_device_is_rejected_at_once(string path)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(path), "There is no such device.");
        await AssertRejectedAsync(() => GgufFile.Open(path, Token));
        await AssertRejectedAsync(() => ImatrixFile.Open(path, Token));
    }

    [Theory]
    [InlineData(8u)]
    [InlineData(10u)]
    public async Task An_array_of_gigabytes_in_a_sparse_file_is_rejected(uint elementType)
    {
        string path = NewSparse(64L << 30, new RawFile().Header(entries: 1).Text("tokenizer.ggml.tokens").Raw(9u).Raw(elementType).Raw(1UL << 30));
        GgufFormatException exception = await Task.Run(() => Assert.Throws<GgufFormatException>(() => GgufFile.Open(path, Token)), Token).WaitAsync(s_soon, Token);
        Assert.Equal("metadata[0] 'tokenizer.ggml.tokens' length", exception.Field);
        Assert.Contains("that metadata may take", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reading_a_header_can_be_stopped()
    {
        string path = NewSparse(64L << 30, new RawFile().Header(entries: 1).Text("tokenizer.ggml.tokens").Raw(9u).Raw(8u).Raw(1UL << 27));
        CancellationToken stop = DelayedStop.After(TimeSpan.FromMilliseconds(1));
        Assert.ThrowsAny<OperationCanceledException>(() => GgufFile.Open(path, stop));
        Assert.ThrowsAny<OperationCanceledException>(() => GgufFile.FirstShardOf(path, stop));
    }

    [Theory]
    [InlineData("same length")]
    [InlineData("longer")]
    public void A_source_that_changes_while_it_is_read_is_noticed(string change)
    {
        string path = _folder.File("model.gguf");
        foreach ((string work, Action<GgufFile, Action> run) in new Dictionary<string, Action<GgufFile, Action>>
        {
            ["quantize"] = (source, now) => new Quantizer().Run(QuantizationPlan.Create(source, FileType.Q4_0), _folder.File("out.gguf"), overwrite: false, new Now(now), Token),
            ["resume"] = (source, now) => new Quantizer(new() { Resume = true }).Run(QuantizationPlan.Create(source, FileType.Q4_0), _folder.File("resumed.gguf"), overwrite: false, new Now(now), Token),
            ["split"] = (source, now) => GgufSplitter.Split(source, _folder.File("part"), new() { MaxTensors = 30 }, new Now(now), Token),
            ["merge"] = (source, now) => GgufSplitter.Merge(source, _folder.File("merged.gguf"), overwrite: false, new Now(now), Token),
            ["compare"] = (source, now) => ModelComparison.Measure(source, source, 0, new Now(now), Token),
            ["edit"] = (source, now) => GgufMetadataEditor.Apply(source.Path, [GgufEntry.Create("general.name", new string('x', 5000))], [], new Now(now), Token),
            ["check"] = (source, now) => GgufCheck.Run(source.Path, 0, new Now(now), Token),
        })
        {
            File.Copy(Sample.Model, path, overwrite: true);
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(-1));
            using GgufFile source = GgufFile.Open(path, Token);
            IOException exception = Assert.Throws<IOException>(() => run(source, () => Change(path, change)));
            Assert.True(exception.Message.StartsWith($"'{path}' has changed while it was read", StringComparison.Ordinal), $"{work}: {exception.Message}");
        }
        Assert.Equal(["model.gguf", "resumed.gguf.partial", "resumed.gguf.partial.journal"], _folder.Files.Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    private static void Change(string path, string change)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows does not let a file that is read be written.");
        using FileStream stream = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        stream.Position = change == "longer" ? stream.Length : stream.Length - 1;
        stream.WriteByte(0x33);
    }

    private static async Task AssertRejectedAsync(Func<object> open)
    {
        Task<IOException> rejected = Task.Run(() => Assert.Throws<IOException>(() => { _ = open(); }), Token);
        Assert.Contains("is a pipe or a device", (await rejected.WaitAsync(s_soon, Token)).Message, StringComparison.Ordinal);
    }

    private string NewSparse(long length, byte[] start)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems may fill the file.");
        string path = _folder.File("sparse.gguf");
        using FileStream stream = File.Create(path);
        stream.Write(start);
        stream.SetLength(length);
        return path;
    }

    private sealed class Now(Action act) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => act();
    }
}

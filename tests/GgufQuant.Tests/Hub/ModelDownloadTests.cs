using System.Security.Cryptography;
using GgufQuant.Gguf;
using GgufQuant.Hub;
using GgufQuant.IO;

namespace GgufQuant.Tests.Hub;

/// <summary>Downloads, whole or continued, of files that arrive as the hub has them or not at all.</summary>
public sealed class ModelDownloadTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LoopbackHub _server;
    private readonly string _repository;
    private readonly string _target;

    public ModelDownloadTests()
    {
        _repository = Directory.CreateDirectory(_folder.File("hub/owner/model")).FullName;
        _target = Path.Combine(Directory.CreateDirectory(_folder.File("target")).FullName, "f16.gguf");
        File.Copy(Sample.Model, Path.Combine(_repository, "f16.gguf"));
        _server = new(_folder.File("hub"));
    }

    private string Partial => _target + ".partial";

    public void Dispose()
    {
        _server.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_file_arrives_with_the_SHA_256_of_the_hub_and_nothing_beside_it()
    {
        using HubClient client = Client();
        ModelDownload download = Find(client, "hf://owner/model/f16.gguf");
        Assert.Equal(new FileInfo(Sample.Model).Length, download.Length);
        Assert.Equal([DigestOf(Sample.Model)], download.Save([_target], overwrite: false, token: TestContext.Current.CancellationToken));
        Assert.Equal(DigestOf(Sample.Model), DigestOf(_target));
        Assert.Equal([_target], Directory.GetFiles(Path.GetDirectoryName(_target)!));
        Assert.True(download.IsAt([_target], token: TestContext.Current.CancellationToken));
        Assert.DoesNotContain(_server.Requests, request => request.IsHub && request.Path.Contains("/main/") && request.Number > _server.Requests.First().Number);
    }

    [Fact]
    public void Another_file_of_the_same_length_is_not_taken_for_the_model()
    {
        using HubClient client = Client();
        ModelDownload download = Find(client, "hf://owner/model/f16.gguf");
        byte[] bytes = File.ReadAllBytes(Sample.Model);
        bytes[^1] ^= 1;
        File.WriteAllBytes(_target, bytes);
        Assert.False(download.IsAt([_target], token: TestContext.Current.CancellationToken));
        Assert.Throws<IOException>(() => download.Save([_target], overwrite: false, token: TestContext.Current.CancellationToken));
        download.Save([_target], overwrite: true, token: TestContext.Current.CancellationToken);
        Assert.Equal(DigestOf(Sample.Model), DigestOf(_target));
    }

    [Fact]
    public void Shards_arrive_together()
    {
        using (GgufFile whole = GgufFile.Open(Sample.Model))
            GgufSplitter.Split(whole, Path.Combine(_repository, "split"), new() { MaxTensors = 20 }, token: TestContext.Current.CancellationToken);
        string[] shards = [.. Directory.GetFiles(_repository, "split-*").Order(StringComparer.Ordinal)];
        string[] targets = [.. shards.Select(shard => Path.Combine(Path.GetDirectoryName(_target)!, Path.GetFileName(shard)))];
        using HubClient client = Client();
        ModelDownload download = Find(client, $"hf://owner/model/{Path.GetFileName(shards[1])}");
        Assert.Equal(shards.Select(Path.GetFileName), download.Files.Select(file => file.Name));
        // All of one commit, even if the branch moves on meanwhile.
        Assert.All(_server.Requests.Where(request => request.IsHub).Skip(1), request => Assert.Contains($"/{LoopbackHub.Commit}/", request.Path));
        download.Save(targets, overwrite: false, token: TestContext.Current.CancellationToken);
        Assert.Equal(shards.Select(DigestOf), targets.Select(DigestOf));
        File.Delete(shards[1]);
        Assert.Throws<FileNotFoundException>(() => Find(client, $"hf://owner/model/{Path.GetFileName(shards[0])}"));
    }

    [Fact]
    public void A_cut_connection_is_continued_without_sending_anything_twice()
    {
        using HubClient client = Client();
        ModelDownload download = Find(client, "hf://owner/model/f16.gguf");
        long before = _server.BytesSent;
        _server.CutNext(after: 1 << 20, count: 7);
        download.Save([_target], overwrite: false, token: TestContext.Current.CancellationToken);
        Assert.Equal(DigestOf(Sample.Model), DigestOf(_target));
        // The byte that was asked for to learn the length may be counted late.
        Assert.InRange(_server.BytesSent - before, download.Length, download.Length + 1);
    }

    [Fact]
    public async Task A_stopped_download_is_continued_by_the_next()
    {
        using HubClient client = Client();
        ModelDownload download = Find(client, "hf://owner/model/f16.gguf");
        _server.Delay = TimeSpan.FromMilliseconds(10);
        using CancellationTokenSource stop = new();
        Task saving = Task.Run(() => download.Save([_target], overwrite: false, new Stopper(stop, atShare: 0.3), stop.Token), TestContext.Current.CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => saving);
        long kept = new FileInfo(Partial).Length;
        Assert.InRange(kept, 1 << 20, download.Length - 1);

        _server.Delay = TimeSpan.Zero;
        long before = _server.BytesSent;
        Find(client, "hf://owner/model/f16.gguf").Save([_target], overwrite: false, token: TestContext.Current.CancellationToken);
        Assert.Equal(DigestOf(Sample.Model), DigestOf(_target));
        // What the server had begun to send to the stopped download may be counted late.
        Assert.InRange(_server.BytesSent - before, download.Length - kept, download.Length - kept + (1 << 20));
        Assert.Equal([_target], Directory.GetFiles(Path.GetDirectoryName(_target)!));
    }

    [Fact]
    public void A_part_of_another_file_is_not_continued()
    {
        File.WriteAllBytes(Partial, new byte[1000]);
        File.WriteAllText(Partial + ".source", "another 1234");
        using HubClient client = Client();
        Find(client, "hf://owner/model/f16.gguf").Save([_target], overwrite: false, token: TestContext.Current.CancellationToken);
        Assert.Equal(DigestOf(Sample.Model), DigestOf(_target));
    }

    [Fact]
    public void A_server_without_ranges_sends_the_file_from_its_start_again()
    {
        using HubClient client = Client();
        ModelDownload download = Find(client, "hf://owner/model/f16.gguf");
        _server.Fault = LoopbackFault.NoRanges;
        _server.CutNext(after: 3 << 20, count: 1);
        download.Save([_target], overwrite: false, token: TestContext.Current.CancellationToken);
        Assert.Equal(DigestOf(Sample.Model), DigestOf(_target));
    }

    [Fact]
    public void A_file_of_another_server_is_saved_without_a_check_of_its_SHA_256()
    {
        using HubClient client = Client();
        ModelDownload download = Find(client, $"{_server.Storage}/owner/model/f16.gguf");
        Assert.Null(download.Files[0].Sha256);
        Assert.Equal([DigestOf(Sample.Model)], download.Save([_target], overwrite: false, token: TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(LoopbackFault.EndlessBody)]
    [InlineData(LoopbackFault.None)]
    public void What_is_not_the_file_that_the_hub_names_is_discarded(LoopbackFault fault)
    {
        using HubClient client = Client();
        ModelDownload download;
        if (fault == LoopbackFault.None)
        {
            _server.Fault = LoopbackFault.WrongDigest;
            download = Find(client, "hf://owner/model/f16.gguf");
            Assert.Contains("it was damaged on the way", Fails(download));
        }
        else
        {
            // Only as much is taken as there should be.
            download = Find(client, "hf://owner/model/f16.gguf");
            _server.Fault = fault;
            download.Save([_target], overwrite: false, token: TestContext.Current.CancellationToken);
            Assert.Equal(DigestOf(Sample.Model), DigestOf(_target));
            File.Delete(_target);
        }
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(_target)!));
    }

    [Fact]
    public void A_file_that_arrives_encoded_is_discarded()
    {
        using HubClient client = Client();
        ModelDownload download = Find(client, "hf://owner/model/f16.gguf");
        _server.Fault = LoopbackFault.Encoded;
        Assert.Contains("encoded, which was not asked for", Fails(download));
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(_target)!));
    }

    [Fact]
    public void A_file_that_is_no_GGUF_is_left_after_its_first_bytes()
    {
        File.WriteAllBytes(Path.Combine(_repository, "page.gguf"), [.. "\u001b[31"u8, .. new byte[20 << 20]]);
        using HubClient client = Client();
        ModelDownload download = Find(client, "hf://owner/model/page.gguf");
        string message = Fails(download);
        Assert.Contains("is not a GGUF file", message);
        Assert.DoesNotContain(message, char.IsControl);
        Assert.InRange(_server.BytesSent, 0, 16 << 20);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(_target)!));
    }

    [Fact]
    public void A_file_that_has_changed_since_is_not_mixed_with_what_was_there()
    {
        using HubClient client = Client();
        ModelDownload download = Find(client, $"{_server.Storage}/owner/model/f16.gguf");
        // The server may still have the file open.
        using (FileStream file = new(Path.Combine(_repository, "f16.gguf"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(1 << 20);
        Assert.Contains("has changed on the server", Fails(download));
    }

    [Fact]
    public void A_part_stays_when_the_server_gives_up_and_a_link_in_its_place_is_not_written_through()
    {
        using HubClient client = Client();
        ModelDownload download = Find(client, "hf://owner/model/f16.gguf");
        _server.CutNext(after: 0, count: 100);
        Assert.Contains("was cut", Fails(download));
        Assert.True(File.Exists(Partial));
        File.Delete(Partial);
        File.CreateSymbolicLink(Partial, _folder.File("elsewhere"));
        Assert.Contains("symbolic link", Assert.Throws<IOException>(() => download.Save([_target], overwrite: false, token: TestContext.Current.CancellationToken)).Message);
        Assert.False(File.Exists(_folder.File("elsewhere")));
    }

    [Fact]
    public void Models_of_a_repository_are_listed_with_their_shards_as_one()
    {
        foreach ((string name, int length) in (ReadOnlySpan<(string, int)>)[("m-Q8_0-00001-of-00002.gguf", 10), ("m-Q8_0-00002-of-00002.gguf", 5), ("d/m-Q4_K_M.gguf", 7), ("README.md", 1)])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_repository, name))!);
            File.WriteAllBytes(Path.Combine(_repository, name), new byte[length]);
        }
        using HubClient client = Client();
        Assert.Equal(
            ["hf://owner/model/d/m-Q4_K_M.gguf 7 1", $"hf://owner/model/f16.gguf {new FileInfo(Sample.Model).Length} 1", "hf://owner/model/m-Q8_0-00001-of-00002.gguf 15 2"],
            client.FindModels(RemoteAddress.ParseRepository("owner/model", client.Options), TestContext.Current.CancellationToken).Select(model => $"{model.Address} {model.Size} {model.Shards}"));
    }

    private static ModelDownload Find(HubClient client, string address) =>
        client.FindDownload(RemoteAddress.Parse(address, client.Options), TestContext.Current.CancellationToken);

    private HubClient Client() =>
        new(new() { Endpoint = new(_server.Endpoint), FirstDelay = TimeSpan.FromMilliseconds(1), Timeout = TimeSpan.FromSeconds(5) });

    private string Fails(ModelDownload download) =>
        Assert.Throws<ServerException>(() => download.Save([_target], overwrite: false, token: TestContext.Current.CancellationToken)).Message;

    private static string DigestOf(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));

    private sealed class Stopper(CancellationTokenSource stop, double atShare) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value)
        {
            if (value.Share > atShare)
                stop.Cancel();
        }
    }
}

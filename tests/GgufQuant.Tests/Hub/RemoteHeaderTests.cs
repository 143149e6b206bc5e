using System.Diagnostics;
using System.Diagnostics.Metrics;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Hub;
using GgufQuant.Models;

namespace GgufQuant.Tests.Hub;

/// <summary>Headers of models that are still on a server.</summary>
public sealed class RemoteHeaderTests : IDisposable
{
    private const int Mebibyte = 1 << 20;

    private readonly TemporaryFolder _folder = new();
    private readonly LoopbackHub _server;
    private readonly string _repository;

    public RemoteHeaderTests()
    {
        _repository = Directory.CreateDirectory(_folder.File("owner/model")).FullName;
        File.Copy(Sample.Model, Path.Combine(_repository, "f16.gguf"));
        _server = new(_folder.Path);
    }

    public void Dispose()
    {
        _server.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_file_on_the_hub_is_described_as_on_disk_from_its_header_alone()
    {
        using GgufFile local = GgufFile.Open(Sample.Model);
        using HubClient client = Client();
        using GgufFile remote = Open(client, "hf://owner/model/f16.gguf");
        Assert.Equal("hf://owner/model/f16.gguf", remote.Path);
        Assert.Equal(local.Length, remote.Length);
        Assert.Equal(local.Tensors.Select(Describe), remote.Tensors.Select(Describe));
        foreach (GgufEntry entry in local.Metadata)
            Assert.Equal(entry.GetEncodedValue().ToArray(), remote.Metadata.Find(entry.Key)!.GetEncodedValue().ToArray());
        Assert.Equal(ModelInfo.Read(local).Memory, ModelInfo.Read(remote).Memory);
        Assert.InRange(_server.BytesSent, local.Shards[0].DataOffset, local.Shards[0].DataOffset + Mebibyte);
    }

    [Fact]
    public void A_long_header_takes_few_requests_and_no_byte_twice()
    {
        string path = Write("long.gguf", vocabulary: 400_000);
        using GgufFile local = GgufFile.Open(path);
        Assert.True(local.Shards[0].DataOffset > 8 * Mebibyte);
        using HubClient client = Client();
        using GgufFile remote = Open(client, "hf://owner/model/long.gguf");
        string[] tokens = (string[])remote.Metadata.Find("tokenizer.ggml.tokens")!.Value;
        Assert.Equal("a token named 399999", tokens[^1]);
        Assert.InRange(_server.BytesSent, 8 * Mebibyte, local.Shards[0].DataOffset + Mebibyte);
        Assert.InRange(_server.Requests.Count, 5, 20);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(9)]
    public void The_shards_of_a_split_model_are_found_and_read_within_the_same_bound(int tensorsEach)
    {
        // Data of several megabytes, so that reading too far would show.
        string path = Write("whole.gguf", vocabulary: 30_000, tensors: 18, weights: 1 << 20);
        using (GgufFile whole = GgufFile.Open(path))
            GgufSplitter.Split(whole, Path.Combine(_repository, "split"), new() { MaxTensors = tensorsEach }, token: TestContext.Current.CancellationToken);
        string[] shards = [.. Directory.GetFiles(_repository, "split-*").Order(StringComparer.Ordinal)];
        using GgufFile local = GgufFile.Open(shards[0]);
        using HubClient client = Client();
        using GgufFile remote = Open(client, $"hf://owner/model/{Path.GetFileName(shards[^1])}");
        Assert.Equal($"hf://owner/model/{Path.GetFileName(shards[0])}", remote.Path);
        Assert.Equal(shards.Length, remote.Shards.Count);
        Assert.Equal(local.Tensors.Select(Describe), remote.Tensors.Select(Describe));
        long headers = local.Shards.Sum(shard => shard.DataOffset);
        Assert.InRange(_server.BytesSent, headers, headers + Mebibyte);
    }

    [Fact]
    public void A_missing_shard_is_named()
    {
        using (GgufFile whole = GgufFile.Open(Sample.Model))
            GgufSplitter.Split(whole, Path.Combine(_repository, "split"), new() { MaxTensors = 20 }, token: TestContext.Current.CancellationToken);
        string[] shards = [.. Directory.GetFiles(_repository, "split-*").Order(StringComparer.Ordinal)];
        File.Delete(shards[1]);
        Assert.Contains($"'hf://owner/model/{Path.GetFileName(shards[1])}' does not exist", Fails<MissingShardsException>($"hf://owner/model/{Path.GetFileName(shards[0])}"));
    }

    [Fact]
    public void A_file_of_any_server_is_read_with_its_query()
    {
        using HubClient client = Client();
        using GgufFile remote = Open(client, $"{_server.Storage}/owner/model/f16.gguf?key=1");
        Assert.Equal($"{_server.Storage}/owner/model/f16.gguf?key=1", remote.Path);
        Assert.All(_server.Requests, request => Assert.EndsWith("?key=1", request.Path));
    }

    [Fact]
    public void The_token_opens_a_private_repository_and_stays_with_the_hub()
    {
        _server.Token = "hf_secret";
        using HubClient client = Client("hf_secret");
        using (Open(client, "hf://owner/model/f16.gguf"))
        using (Open(client, $"{_server.Storage}/owner/model/f16.gguf"))
        {
            Assert.All(_server.Requests, request => Assert.Equal(request.IsHub ? "hf_secret" : null, request.Token));
            Assert.Contains(_server.Requests, request => request.IsHub);
            Assert.Contains(_server.Requests, request => !request.IsHub);
        }
    }

    [Fact]
    public void What_may_not_be_read_says_what_is_needed()
    {
        _server.Token = "hf_secret";
        Assert.Contains("HF_TOKEN must be set", Fails<UnauthorizedAccessException>("hf://owner/model/f16.gguf"));
        Assert.Contains("may not be read with the token in HF_TOKEN", Fails<UnauthorizedAccessException>("hf://owner/model/f16.gguf", "hf_wrong"));
        _server.IsGated = true;
        Assert.Contains("Ask for it on https://huggingface.co/owner/model", Fails<UnauthorizedAccessException>("hf://owner/model/f16.gguf"));
        Assert.Contains("Ask for it on", Fails<UnauthorizedAccessException>("hf://owner/model/f16.gguf", "hf_wrong"));
    }

    [Fact]
    public void What_does_not_exist_says_what_is_missing()
    {
        Assert.Contains("has no file 'none.gguf'", Fails<FileNotFoundException>("hf://owner/model/none.gguf"));
        Assert.Contains("has no revision 'v2'", Fails<FileNotFoundException>("hf://owner/model@v2/f16.gguf"));
        Assert.Contains("the repository does not exist, or it is private", Fails<UnauthorizedAccessException>("hf://owner/none/f16.gguf"));
        Assert.Contains("does not exist", Fails<FileNotFoundException>("hf://owner/none/f16.gguf", "hf_x"));
        Assert.Contains("answers 404", Fails<FileNotFoundException>($"{_server.Storage}/none.gguf"));
        Assert.Contains("There is no server 'none.invalid'", Fails<ServerException>("https://none.invalid/a.gguf"));
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public void A_busy_server_is_asked_again_after_the_time_it_names(int status)
    {
        _server.FailNext(status, 1);
        _server.RetryAfter = "1";
        long start = Stopwatch.GetTimestamp();
        using HubClient client = Client();
        using GgufFile remote = Open(client, "hf://owner/model/f16.gguf");
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.95, 20);
        Assert.NotEmpty(remote.Tensors);
    }

    [Fact]
    public void A_server_that_stays_busy_is_given_up()
    {
        _server.FailNext(503, 100);
        Assert.Contains("is not available (503)", Fails<ServerException>("hf://owner/model/f16.gguf"));
        Assert.Equal(5, _server.Requests.Count);
    }

    [Fact]
    public void A_server_that_asks_for_a_long_wait_is_not_waited_for()
    {
        _server.FailNext(429, 100);
        _server.RetryAfter = "3600";
        string message = Fails<ServerException>("hf://owner/model/f16.gguf");
        Assert.Contains("asks to wait 3600 s", message);
        Assert.DoesNotContain(message, char.IsControl);
        Assert.Single(_server.Requests);
    }

    [Fact]
    public void The_time_to_wait_is_also_taken_from_the_hubs_own_header()
    {
        _server.FailNext(429, 100);
        _server.RetryAfter = null;
        _server.RateLimit = "\"api\";r=0;t=3600";
        Assert.Contains("asks to wait 3600 s", Fails<ServerException>("hf://owner/model/f16.gguf"));
        Assert.Single(_server.Requests);
    }

    [Fact]
    public void An_address_that_has_expired_is_asked_for_again()
    {
        Write("long.gguf", vocabulary: 100_000);
        _server.Fault = LoopbackFault.ExpiringAddress;
        using HubClient client = Client();
        using GgufFile remote = Open(client, "hf://owner/model/long.gguf");
        Assert.Equal(100_000, remote.Metadata.Find("tokenizer.ggml.tokens")!.Count);
        Assert.InRange(_server.Requests.Count(request => request.IsHub), 2, 10);
    }

    [Fact]
    public void What_was_read_is_kept_up_to_64_MiB()
    {
        const int Kept = 64;
        using (FileStream file = SparseFile.Create(Path.Combine(_repository, "large.gguf")))
            file.SetLength((Kept + 2) * (long)Mebibyte);
        using RemoteRequests requests = new(new() { Endpoint = new(_server.Endpoint) });
        using RemoteFile remote = RemoteFile.Open(requests, RemoteAddress.Parse("hf://owner/model/large.gguf", requests.Options), progress: null, TestContext.Current.CancellationToken);
        byte[] piece = new byte[Mebibyte];
        void Read(int from, int to)
        {
            for (int i = from; i < to; i++)
                Assert.Equal(piece.Length, remote.Read(i * (long)Mebibyte, piece, piece.Length));
        }

        Read(0, Kept - 1);
        long sent = _server.BytesSent;
        Read(0, Kept - 1);
        Assert.Equal(sent, _server.BytesSent);
        Read(Kept - 1, Kept + 2);
        sent = _server.BytesSent;
        Read(0, 1);
        Assert.InRange(_server.BytesSent, sent + 1, sent + Mebibyte);
    }

    [Theory]
    [InlineData("https://a.example/x", "https://b.example/y", null)]
    [InlineData("https://a.example/x", "/y", null)]
    [InlineData("http://a.example/x", "https://b.example/y", null)]
    [InlineData("https://a.example/x", "http://a.example/y", "without encryption")]
    [InlineData("https://a.example/x", "ftp://a.example/y", "not an http or https address")]
    public void A_redirection_does_not_leave_encryption(string from, string to, string? message)
    {
        Uri location = new(to, UriKind.RelativeOrAbsolute);
        if (message is null)
            Assert.Equal(new Uri(new(from), location), RemoteRequests.Redirect(new(from), location));
        else
            Assert.Contains(message, Assert.Throws<ServerException>(() => RemoteRequests.Redirect(new(from), location)).Message);
    }

    [Fact]
    public void A_cut_connection_is_resumed_where_it_was_cut()
    {
        using GgufFile local = GgufFile.Open(Sample.Model);
        _server.CutNext(after: 10_000, count: 6);
        using HubClient client = Client();
        using GgufFile remote = Open(client, "hf://owner/model/f16.gguf");
        Assert.Equal(local.Tensors.Count, remote.Tensors.Count);
        Assert.InRange(_server.BytesSent, local.Shards[0].DataOffset, local.Shards[0].DataOffset + Mebibyte);
    }

    [Fact]
    public void A_connection_that_is_always_cut_is_an_error()
    {
        _server.CutNext(after: 0, count: 100);
        Assert.Contains("was cut", Fails<ServerException>("hf://owner/model/f16.gguf"));
    }

    [Theory]
    [InlineData(LoopbackFault.NoRanges, "does not support range requests")]
    [InlineData(LoopbackFault.WrongStart, "answers with others")]
    [InlineData(LoopbackFault.RedirectLoop, "more than 10 times")]
    [InlineData(LoopbackFault.RedirectToFile, "not an http or https address")]
    [InlineData(LoopbackFault.WrongLinkedSize, " by the hub, but ")]
    [InlineData(LoopbackFault.Encoded, "answers with others")]
    [InlineData(LoopbackFault.Garbage, "")]
    [InlineData(LoopbackFault.EndlessHeaders, "")]
    public void A_server_that_misbehaves_is_an_error_and_never_a_download(LoopbackFault fault, string message)
    {
        _server.Fault = fault;
        string actual = Fails<ServerException>("hf://owner/model/f16.gguf");
        Assert.Contains(message, actual);
        Assert.DoesNotContain(actual, char.IsControl);
        Assert.InRange(_server.BytesSent, 0, 4 * Mebibyte);
    }

    [Theory]
    [InlineData(LoopbackFault.WrongTotal)]
    [InlineData(LoopbackFault.ChangingTag)]
    public void A_file_that_changes_meanwhile_is_an_error(LoopbackFault fault)
    {
        Write("long.gguf", vocabulary: 100_000);
        _server.Fault = fault;
        Assert.Contains("has changed on the server", Fails<ServerException>($"{_server.Storage}/owner/model/long.gguf"));
    }

    [Theory]
    [InlineData(LoopbackFault.EndlessBody)]
    [InlineData(LoopbackFault.LongLength)]
    public void A_body_that_does_not_end_is_left_where_the_range_ends(LoopbackFault fault)
    {
        _server.Fault = fault;
        using HubClient client = Client();
        using GgufFile remote = Open(client, "hf://owner/model/f16.gguf");
        Assert.NotEmpty(remote.Tensors);
    }

    [Fact]
    public void A_server_that_says_nothing_is_given_up()
    {
        _server.Fault = LoopbackFault.Silent;
        int port = new Uri(_server.Endpoint).Port;
        int attempts = 0;
        // Counted where they start: on a busy machine, the server may not see a request before it is given up.
        using MeterListener listener = new()
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument is { Meter.Name: "System.Net.Http", Name: "http.client.active_requests" })
                    self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, change, tags, _) =>
        {
            if (change > 0 && tags.ToArray().Contains(new("server.port", port)))
                Interlocked.Increment(ref attempts);
        });
        listener.Start();
        using HubClient client = new(new() { Endpoint = new(_server.Endpoint), FirstDelay = TimeSpan.Zero, Timeout = TimeSpan.FromSeconds(0.5) });
        Assert.Contains("does not answer", Assert.Throws<ServerException>(() => Open(client, "hf://owner/model/f16.gguf")).Message);
        Assert.Equal(5, attempts);
    }

    [Fact]
    public async Task Reading_stops_at_once_when_it_is_stopped()
    {
        _server.Fault = LoopbackFault.Silent;
        using HubClient client = Client();
        using CancellationTokenSource stop = new();
        Task<GgufFile> opening = Task.Run(() => client.Open(RemoteAddress.Parse("hf://owner/model/f16.gguf", client.Options), isTolerant: true, token: stop.Token), TestContext.Current.CancellationToken);
        while (_server.Requests.IsEmpty)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        long start = Stopwatch.GetTimestamp();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 1);
    }

    [Fact]
    public void A_web_page_and_an_empty_file_are_no_models()
    {
        File.WriteAllText(Path.Combine(_repository, "page.gguf"), "<html>");
        File.WriteAllBytes(Path.Combine(_repository, "empty.gguf"), []);
        Assert.Contains("looks like a web page", Fails<GgufFormatException>("hf://owner/model/page.gguf"));
        Assert.Contains("the file is empty", Fails<GgufFormatException>("hf://owner/model/empty.gguf"));
    }

    [Fact]
    public void Wildcards_can_be_matched_with_all_pages_of_the_listing()
    {
        _server.PageSize = 2;
        foreach (string name in (string[])["Q8_0/m-00001-of-00002.gguf", "Q8_0/m-00002-of-00002.gguf", "README.md", "a.gguf"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_repository, name))!);
            File.WriteAllText(Path.Combine(_repository, name), "x");
        }
        using HubClient client = Client();
        Assert.Equal(
            ["hf://owner/model/Q8_0/m-00001-of-00002.gguf", "hf://owner/model/Q8_0/m-00002-of-00002.gguf", "hf://owner/model/a.gguf", "hf://owner/model/f16.gguf"],
            client.ListFiles(RemoteAddress.Parse("hf://owner/model", client.Options), TestContext.Current.CancellationToken).Select(file => file.ToString()));
        Assert.Equal(3, _server.Requests.Count);
    }

    [Theory]
    [InlineData(LoopbackFault.NoJson, "not the JSON that was expected")]
    [InlineData(LoopbackFault.ForeignPage, "on another server")]
    [InlineData(LoopbackFault.EndlessBody, "sends more than 16777216 bytes")]
    public void A_listing_that_is_none_is_an_error(LoopbackFault fault, string message)
    {
        File.WriteAllText(Path.Combine(_repository, "b.gguf"), "x");
        _server.PageSize = 1;
        _server.Fault = fault;
        using HubClient client = Client("hf_secret");
        ServerException exception = Assert.Throws<ServerException>(() => client.ListFiles(RemoteAddress.Parse("hf://owner/model", client.Options), TestContext.Current.CancellationToken));
        Assert.Contains(message, exception.Message);
        Assert.All(_server.Requests, request => Assert.True(request.IsHub));
    }

    private static string Describe(GgufTensor tensor) => $"{tensor.Name} {tensor.Format} {string.Join('x', tensor.Shape)} {tensor.Shard} {tensor.FileOffset}";

    private static GgufFile Open(HubClient client, string address) =>
        client.Open(RemoteAddress.Parse(address, client.Options), isTolerant: false, token: TestContext.Current.CancellationToken);

    private HubClient Client(string? token = null) =>
        new(new() { Endpoint = new(_server.Endpoint), Token = token, FirstDelay = TimeSpan.FromMilliseconds(1), Timeout = TimeSpan.FromSeconds(5) });

    private string Fails<TException>(string address, string? token = null)
        where TException : Exception
    {
        using HubClient client = Client(token);
        return Assert.Throws<TException>(() => Open(client, address)).Message;
    }

    private string Write(string name, int vocabulary, int tensors = 1, int weights = 64)
    {
        string path = Path.Combine(_repository, name);
        using FileStream stream = File.Create(path);
        GgufFiles.WriteZeros(
            stream,
            [
                GgufEntry.Create("general.architecture", "llama"),
                GgufEntry.Create("tokenizer.ggml.tokens", Enumerable.Range(0, vocabulary).Select(i => $"a token named {i}").ToArray()),
                GgufEntry.Create("tokenizer.ggml.scores", new float[vocabulary]),
            ],
            Enumerable.Range(0, tensors).Select(i => new GgufTensorInfo($"blk.{i}.attn_q.weight", GgmlType.F32, [weights])));
        return path;
    }
}

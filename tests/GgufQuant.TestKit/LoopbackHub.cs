using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace GgufQuant.TestKit;

/// <summary>A server on loopback that behaves like the Hugging Face hub and the storage it redirects to, on two ports, or misbehaves.</summary>
/// <remarks>Depends on .NET alone, so that PowerShell can compile it too.</remarks>
public sealed class LoopbackHub : IDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    // PowerShell's compiler runs no source generators.
    private static readonly Regex s_route = new("^/(?:api/models/(?<repository>[^/]+/[^/]+)/tree/(?<revision>[^/?]+)|(?<repository>[^/]+/[^/]+)/resolve/(?<revision>[^/]+)/(?<file>[^?]+))");
    private static readonly Regex s_cursor = new("cursor=([0-9]+)");
    private static readonly Regex s_range = new("^bytes=([0-9]+)-([0-9]*)$");

    private readonly string _folder;
    private readonly TcpListener _hub = new(IPAddress.Loopback, 0);
    private readonly TcpListener _storage = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, string> _digests = new();
    private readonly ConcurrentDictionary<string, bool> _opened = new();
    private int _failures;
    private int _cuts;

    /// <summary>Serves a folder with <c>owner/repository/file</c>.</summary>
    public LoopbackHub(string folder)
    {
        _folder = folder;
        _ = AcceptAsync(_hub, isHub: true);
        _ = AcceptAsync(_storage, isHub: false);
    }

    /// <summary>The hub's address, for HF_ENDPOINT.</summary>
    public string Endpoint => $"http://127.0.0.1:{((IPEndPoint)_hub.LocalEndpoint).Port}";

    /// <summary>The address of the storage, which looks like another server to clients.</summary>
    public string Storage => $"http://127.0.0.1:{((IPEndPoint)_storage.LocalEndpoint).Port}";

    /// <summary>The requests so far.</summary>
    public ConcurrentQueue<LoopbackRequest> Requests { get; } = new();

    /// <summary>Bytes of files sent so far.</summary>
    public long BytesSent => Requests.Sum(request => Interlocked.Read(ref request.Sent));

    /// <summary>The token that the hub demands; null for a public one.</summary>
    public string? Token { get; set; }

    /// <summary>Whether repositories admit approved users only.</summary>
    public bool IsGated { get; set; }

    /// <summary>Files on a page of a listing.</summary>
    public int PageSize { get; set; } = 1000;

    /// <summary>How it misbehaves.</summary>
    public LoopbackFault Fault { get; set; }

    /// <summary>Seconds in Retry-After; null for no such header.</summary>
    public string? RetryAfter { get; set; } = "0";

    /// <summary>The hub's own header for the time until it admits requests again; null for none.</summary>
    public string? RateLimit { get; set; }

    /// <summary>The status of the next requests that are to fail.</summary>
    public int FailureStatus { get; private set; }

    /// <summary>Bytes after which the connection is cut, where it is.</summary>
    public int CutAfter { get; private set; }

    /// <summary>Waits before each piece of 64 KiB of a file.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Lets the next requests fail with a status.</summary>
    public void FailNext(int status, int count)
    {
        FailureStatus = status;
        Volatile.Write(ref _failures, count);
    }

    /// <summary>Cuts the connection in the next bodies of files.</summary>
    public void CutNext(int after, int count)
    {
        CutAfter = after;
        Volatile.Write(ref _cuts, count);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _hub.Stop();
        _storage.Stop();
        _stop.Dispose();
    }

    private async Task AcceptAsync(TcpListener listener, bool isHub)
    {
        listener.Start();
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptTcpClientAsync(_stop.Token), isHub);
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(TcpClient client, bool isHub)
    {
        using (client)
        {
            try
            {
                NetworkStream stream = client.GetStream();
                StreamReader reader = new(stream, Encoding.ASCII);
                while (await ReadRequestAsync(reader, isHub) is { } request)
                {
                    Requests.Enqueue(request);
                    if (!await AnswerAsync(stream, request))
                        return;
                }
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task<LoopbackRequest?> ReadRequestAsync(StreamReader reader, bool isHub)
    {
        string[]? line = (await reader.ReadLineAsync(_stop.Token))?.Split(' ');
        if (line is not { Length: 3 })
            return null;
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } header)
            headers[header[..header.IndexOf(':')]] = header[(header.IndexOf(':') + 1)..].Trim();
        return new LoopbackRequest(isHub, line[0], line[1], headers);
    }

    // Whether the connection stays open.
    private async Task<bool> AnswerAsync(NetworkStream stream, LoopbackRequest request)
    {
        if (Fault == LoopbackFault.Silent)
            await Task.Delay(Timeout.Infinite, _stop.Token);
        if (Fault == LoopbackFault.Garbage)
        {
            await stream.WriteAsync("\x1b[31mno http\r\n\r\n"u8.ToArray(), _stop.Token);
            return false;
        }
        if (Fault == LoopbackFault.EndlessHeaders)
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\n"u8.ToArray(), _stop.Token);
            while (true)
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"X-More: {new string('x', 1000)}\r\n"), _stop.Token);
        }
        if (Fault == LoopbackFault.RedirectLoop)
            return await WriteAsync(stream, 302, $"Location: {request.Path}");
        if (Fault == LoopbackFault.RedirectToFile)
            return await WriteAsync(stream, 302, "Location: file:///etc/passwd");
        if (Interlocked.Decrement(ref _failures) >= 0)
            return await WriteAsync(stream, FailureStatus, [.. RetryAfter is null ? Array.Empty<string>() : [$"Retry-After: {RetryAfter}"], .. RateLimit is null ? Array.Empty<string>() : [$"RateLimit: {RateLimit}"], "X-Error-Message: busy \t\u00ff now"]);
        return request.IsHub ? await AnswerAsHubAsync(stream, request) : await AnswerAsStorageAsync(stream, request, request.Path.Split('?')[0]);
    }

    private async Task<bool> AnswerAsHubAsync(NetworkStream stream, LoopbackRequest request)
    {
        Match match = s_route.Match(request.Path);
        if (!match.Success)
            return await WriteAsync(stream, 404);
        string repository = match.Groups["repository"].Value;
        bool isKnown = Directory.Exists(Path.Combine(_folder, repository));
        if (IsGated && request.Token != Token)
            return await WriteAsync(stream, request.Token is null ? 401 : 403, "X-Error-Code: GatedRepo", "X-Error-Message: Access to this model is restricted.");
        if (!isKnown || (Token is not null && request.Token != Token))
            return await WriteAsync(stream, request.Token is null || isKnown ? 401 : 404, "X-Error-Code: RepoNotFound", "X-Error-Message: Repository not found");
        if (match.Groups["revision"].Value is not ("main" or Commit or "refs%2Fpr%2F1"))
            return await WriteAsync(stream, 404, "X-Error-Code: RevisionNotFound", "X-Error-Message: Invalid rev id");
        if (match.Groups["file"].Success)
            return await RedirectAsync(stream, request, repository, match.Groups["file"].Value);
        return await ListAsync(stream, request, repository);
    }

    private async Task<bool> RedirectAsync(NetworkStream stream, LoopbackRequest request, string repository, string file)
    {
        string path = Path.Combine(_folder, repository, Uri.UnescapeDataString(file));
        if (!File.Exists(path))
            return await WriteAsync(stream, 404, $"X-Repo-Commit: {Commit}", "X-Error-Code: EntryNotFound", "X-Error-Message: Entry not found");
        string digest = Fault == LoopbackFault.WrongDigest ? new string('0', 64) : DigestOf(path);
        return await WriteAsync(
            stream, 302, $"Location: {Storage}/{repository}/{file}?signature={request.Number}", $"X-Repo-Commit: {Commit}",
            $"X-Linked-Size: {new FileInfo(path).Length + (Fault == LoopbackFault.WrongLinkedSize ? 1 : 0)}", $"X-Linked-Etag: \"{digest}\"");
    }

    private async Task<bool> ListAsync(NetworkStream stream, LoopbackRequest request, string repository)
    {
        string root = Path.Combine(_folder, repository);
        string[] files = [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        int start = s_cursor.Match(request.Path) is { Success: true } cursor ? int.Parse(cursor.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
        IEnumerable<object> entries = files.Skip(start).Take(PageSize).Select(file => new
        {
            type = "file",
            oid = new string('a', 40),
            size = new FileInfo(file).Length,
            lfs = new { oid = DigestOf(file), size = new FileInfo(file).Length, pointerSize = 134 },
            path = Path.GetRelativePath(root, file).Replace('\\', '/'),
        });
        object[] hostile =
        [
            new { type = "file", size = 1L, path = "../escape.gguf" },
            new { type = "file", size = 1L, path = "a\u001b[31m.gguf" },
            new { type = "directory", size = 0L, path = "folder.gguf" },
        ];
        string json = Fault == LoopbackFault.NoJson ? "<html>" : JsonSerializer.Serialize(start == 0 ? entries.Concat(hostile) : entries);
        byte[] body = Encoding.UTF8.GetBytes(json);
        string next = Fault == LoopbackFault.ForeignPage ? Storage : Endpoint;
        string[] link = start + PageSize < files.Length
            ? [$"Link: <{next}/api/models/{repository}/tree/main?recursive=true&cursor={start + PageSize}>; rel=\"next\""]
            : [];
        await WriteAsync(stream, 200, Fault == LoopbackFault.EndlessBody ? -1 : body.Length, ["Content-Type: application/json; charset=utf-8", .. link]);
        await stream.WriteAsync(body, _stop.Token);
        byte[] more = new byte[64 << 10];
        while (Fault == LoopbackFault.EndlessBody)
            await stream.WriteAsync(more, _stop.Token);
        return true;
    }

    private async Task<bool> AnswerAsStorageAsync(NetworkStream stream, LoopbackRequest request, string name)
    {
        string path = Path.Combine(_folder, Uri.UnescapeDataString(name).TrimStart('/'));
        if (!File.Exists(path))
            return await WriteAsync(stream, 404);
        if (Fault == LoopbackFault.ExpiringAddress && !_opened.TryAdd(request.Path, true))
            return await WriteAsync(stream, 403);
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        long from = 0;
        long to = file.Length - 1;
        Match range = s_range.Match(request.Headers.GetValueOrDefault("Range", ""));
        bool isPart = range.Success && Fault != LoopbackFault.NoRanges;
        if (isPart)
        {
            from = long.Parse(range.Groups[1].Value, CultureInfo.InvariantCulture);
            if (range.Groups[2].Length > 0)
                to = Math.Min(to, long.Parse(range.Groups[2].Value, CultureInfo.InvariantCulture));
            if (from > to)
                return await WriteAsync(stream, 416, $"Content-Range: bytes */{file.Length}");
        }
        long length = Fault == LoopbackFault.LongLength ? 1L << 50 : to - from + 1;
        long total = Fault == LoopbackFault.WrongTotal ? file.Length + request.Number : file.Length;
        long start = Fault == LoopbackFault.WrongStart ? from + 1 : from;
        await WriteAsync(
            stream, isPart ? 206 : 200, Fault == LoopbackFault.EndlessBody ? -1 : length,
            ["Accept-Ranges: bytes", $"ETag: \"{(Fault == LoopbackFault.ChangingTag ? request.Number : file.Length)}\"", .. Fault == LoopbackFault.Encoded ? new[] { "Content-Encoding: gzip" } : [], .. isPart ? new[] { $"Content-Range: bytes {start}-{to}/{total}" } : []]);
        if (request.Method == "HEAD")
            return true;
        return await SendAsync(stream, request, file, from, to);
    }

    private async Task<bool> SendAsync(NetworkStream stream, LoopbackRequest request, FileStream file, long from, long to)
    {
        long cutAt = Interlocked.Decrement(ref _cuts) >= 0 ? from + CutAfter : long.MaxValue;
        byte[] buffer = new byte[64 << 10];
        file.Position = from;
        for (long at = from; at <= to;)
        {
            if (Delay > TimeSpan.Zero)
                await Task.Delay(Delay, _stop.Token);
            int count = await file.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, Math.Min(to + 1, cutAt) - at)), _stop.Token);
            if (count == 0)
                return false;
            await stream.WriteAsync(buffer.AsMemory(0, count), _stop.Token);
            Interlocked.Add(ref request.Sent, count);
            at += count;
        }
        while (Fault is LoopbackFault.EndlessBody or LoopbackFault.LongLength)
        {
            await stream.WriteAsync(buffer, _stop.Token);
            Interlocked.Add(ref request.Sent, buffer.Length);
        }
        return true;
    }

    private Task<bool> WriteAsync(NetworkStream stream, int status, params string[] headers) => WriteAsync(stream, status, 0, headers);

    private async Task<bool> WriteAsync(NetworkStream stream, int status, long length, string[] headers)
    {
        string[] framing = length < 0 ? ["Connection: close"] : [$"Content-Length: {length}"];
        string head = string.Concat(headers.Concat(framing).Prepend($"HTTP/1.1 {status} Status").Select(line => line + "\r\n")) + "\r\n";
        await stream.WriteAsync(Encoding.Latin1.GetBytes(head), _stop.Token);
        return true;
    }

    private string DigestOf(string path) => _digests.GetOrAdd(path, file => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))));
}

/// <summary>How a <see cref="LoopbackHub"/> misbehaves.</summary>
public enum LoopbackFault
{
    None,

    /// <summary>The storage ignores ranges and sends the whole file.</summary>
    NoRanges,

    /// <summary>The storage names another start of the range.</summary>
    WrongStart,

    /// <summary>The storage names another length of the file each time.</summary>
    WrongTotal,

    /// <summary>The entity tag changes with every request.</summary>
    ChangingTag,

    /// <summary>The body does not end.</summary>
    EndlessBody,

    /// <summary>The body is announced as a petabyte, and sent so.</summary>
    LongLength,

    /// <summary>Requests are never answered.</summary>
    Silent,

    /// <summary>The answer is not HTTP, and would color a terminal.</summary>
    Garbage,

    /// <summary>The headers do not end.</summary>
    EndlessHeaders,

    /// <summary>Every request is redirected to itself.</summary>
    RedirectLoop,

    /// <summary>Requests are redirected to a local file.</summary>
    RedirectToFile,

    /// <summary>The hub gives a SHA-256 that is not the file's.</summary>
    WrongDigest,

    /// <summary>The hub gives a length that is not the file's.</summary>
    WrongLinkedSize,

    /// <summary>An address that the hub redirects to is valid for one request.</summary>
    ExpiringAddress,

    /// <summary>The storage says that it has compressed the file.</summary>
    Encoded,

    /// <summary>The listing is a web page.</summary>
    NoJson,

    /// <summary>The listing continues on another server.</summary>
    ForeignPage,
}

/// <summary>A request to a <see cref="LoopbackHub"/>.</summary>
/// <param name="IsHub">Whether it went to the hub rather than to the storage.</param>
/// <param name="Method">GET or HEAD.</param>
/// <param name="Path">The path and the query.</param>
/// <param name="Headers">The headers.</param>
public sealed record LoopbackRequest(bool IsHub, string Method, string Path, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>Bytes of a file sent in answer.</summary>
    public long Sent;

    private static long s_count;

    /// <summary>Different for every request.</summary>
    public long Number { get; } = Interlocked.Increment(ref s_count);

    /// <summary>The token that came along; null for none.</summary>
    public string? Token => Headers.GetValueOrDefault("Authorization") is { } text && text.StartsWith("Bearer ", StringComparison.Ordinal) ? text["Bearer ".Length..] : null;
}

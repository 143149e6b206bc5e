using System.Net;
using System.Net.Http.Headers;
using GgufQuant.IO;

namespace GgufQuant.Hub;

/// <summary>A file on a server, read by range requests; what was read is kept.</summary>
internal sealed class RemoteFile : IRandomAccessFile
{
    // Vocabularies take a few megabytes. What does not fit is read again if it is needed again.
    private const long MaxKept = 64 << 20;

    private static readonly TimeSpan s_longestFetch = TimeSpan.FromMinutes(5);

    private readonly RemoteRequests _requests;
    private readonly RemoteAddress _address;
    private readonly Uri _original;
    private readonly IProgress<WorkProgress>? _progress;
    private readonly CancellationToken _token;
    private readonly Lock _reading = new();
    private readonly SortedList<long, byte[]> _kept = [];
    private readonly int _mostAtOnce;
    private int _next;
    private long _keptBytes;
    private Uri _url;
    private string? _tag;

    private RemoteFile(RemoteRequests requests, RemoteAddress address, IProgress<WorkProgress>? progress, CancellationToken token)
    {
        _requests = requests;
        _address = address;
        _progress = progress;
        _token = token;
        Path = address.ToString();
        _url = _original = address.UrlOn(requests.Options);
        (_next, _mostAtOnce) = ReadAhead.Of(Path);
        Length = -1;
    }

    public string Path { get; }

    public long Length { get; private set; }

    /// <summary>Opens a file by reading its start.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="ServerException">The server does not support ranges, or does not answer as it should.</exception>
    public static RemoteFile Open(RemoteRequests requests, RemoteAddress address, IProgress<WorkProgress>? progress, CancellationToken token)
    {
        RemoteFile file = new(requests, address, progress, token);
        file.Fetch(0, 0);
        return file;
    }

    public int Read(long offset, Span<byte> destination, int least)
    {
        lock (_reading)
        {
            int total = 0;
            while (total < destination.Length && offset + total < Length)
            {
                int count = Copy(offset + total, destination[total..]);
                if (count == 0)
                {
                    if (total >= least)
                        break;
                    Fetch(offset + total, least - total);
                }
                total += count;
            }
            return total;
        }
    }

    // Every response shows whether the file is still the one that was opened.
    public void ThrowIfChanged()
    {
    }

    public void Dispose()
    {
        lock (_reading)
            _kept.Clear();
    }

    private int Copy(long offset, Span<byte> destination)
    {
        int index = IndexBefore(offset);
        if (index < 0)
            return 0;
        long start = _kept.Keys[index];
        ReadOnlySpan<byte> rest = _kept.Values[index].AsSpan((int)Math.Min(offset - start, _kept.Values[index].Length));
        rest = rest[..Math.Min(rest.Length, destination.Length)];
        rest.CopyTo(destination);
        return rest.Length;
    }

    // The last piece that starts at an offset or before it; -1 if there is none.
    private int IndexBefore(long offset)
    {
        int low = 0;
        int high = _kept.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_kept.Keys[middle] <= offset)
                low = middle + 1;
            else
                high = middle;
        }
        return low - 1;
    }

    private void Fetch(long offset, int least)
    {
        long count = Math.Min(Math.Max(least, _next), _mostAtOnce);
        _next = Math.Min(2 * _next, _mostAtOnce);
        int following = IndexBefore(offset) + 1;
        if (following < _kept.Count)
            count = Math.Min(count, _kept.Keys[following] - offset);
        if (Length >= 0)
            count = Math.Min(count, Length - offset);

        // A header's length is known only at its end.
        _progress?.Report(new($"{_address.FileName}, from byte {offset:N0}", 0));
        byte[] bytes = new byte[count];
        int received = 0;
        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(_token);
        deadline.CancelAfter(s_longestFetch);
        try
        {
            _requests.RepeatAsync(
                () => ReceiveAsync(offset + received, bytes.AsMemory(received), filled => received += filled, deadline.Token),
                () => received,
                deadline.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException exception) when (!_token.IsCancellationRequested)
        {
            throw new ServerException($"'{RemoteErrors.ServerOf(_url)}' sends too slowly: it took more than {s_longestFetch.TotalMinutes:N0} minutes for {count} bytes.", exception);
        }
        Keep(offset, received == bytes.Length ? bytes : bytes[..received]);
    }

    private async Task ReceiveAsync(long offset, Memory<byte> destination, Action<int> report, CancellationToken token)
    {
        using RemoteResponse response = await AskAsync(offset, offset + destination.Length - 1, token).ConfigureAwait(false);
        long rest = Length - offset;
        if (rest == 0)
            return;
        destination = destination[..(int)Math.Min(destination.Length, rest)];
        using Stream body = await response.OpenAsync().ConfigureAwait(false);
        while (!destination.IsEmpty)
        {
            int count = await response.ReadAsync(body, destination, _requests.Options.Timeout, token).ConfigureAwait(false);
            if (count == 0)
                throw RemoteErrors.Cut(response.Url);
            report(count);
            destination = destination[count..];
        }
    }

    private async Task<RemoteResponse> AskAsync(long from, long to, CancellationToken token)
    {
        RangeHeaderValue range = new(from, to);
        RemoteResponse response;
        try
        {
            response = await _requests.GetAsync(_address, _url, range, token).ConfigureAwait(false);
        }
        catch (UnauthorizedAccessException) when (_url != _original)
        {
            // The hub redirects to addresses that expire.
            _url = _original;
            response = await _requests.GetAsync(_address, _url, range, token).ConfigureAwait(false);
        }
        try
        {
            Check(response, from, to);
            _url = response.Url;
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private void Check(RemoteResponse response, long from, long to)
    {
        ContentRangeHeaderValue? range = response.Message.Content.Headers.ContentRange;
        if (response.Message.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && from == 0 && range?.Length == 0)
        {
            Length = 0;
            return;
        }
        if (response.Message.StatusCode == HttpStatusCode.OK)
            throw new ServerException($"'{RemoteErrors.ServerOf(response.Url)}' does not support range requests, so the header of '{Path}' cannot be read without a download of the whole file.");
        if (response.Message.StatusCode != HttpStatusCode.PartialContent || range is not { Unit: "bytes", HasRange: true, HasLength: true }
            || response.IsEncoded
            || range.From != from || range.To > to || range.To != Math.Min(to, range.Length!.Value - 1))
            throw new ServerException($"'{RemoteErrors.ServerOf(response.Url)}' was asked for bytes {from} to {to} of '{Path}', and answers with others: {Describe(response.Message, range)}.");
        response.CheckLength(_address, range.Length.Value);
        if (Length >= 0 && (range.Length != Length || response.HasOtherTag(_tag)))
            throw new ServerException($"'{Path}' has changed on the server while it was read: try again.");
        Length = range.Length.Value;
        _tag ??= response.ETag;
    }

    private static string Describe(HttpResponseMessage message, ContentRangeHeaderValue? range) =>
        PrintableText.Escape($"{(int)message.StatusCode}, {(range is null ? "without a range" : $"'{range}'")}{(message.Content.Headers.ContentEncoding.Count > 0 ? ", encoded" : "")}");

    private void Keep(long offset, byte[] bytes)
    {
        if (_keptBytes + bytes.Length > MaxKept)
        {
            _kept.Clear();
            _keptBytes = 0;
        }
        _kept[offset] = bytes;
        _keptBytes += bytes.Length;
    }
}

using System.Globalization;

namespace GgufQuant.Hub;

/// <summary>A server's answer whose body has not been read yet.</summary>
/// <param name="message">The last answer, after redirections.</param>
/// <param name="url">Where it came from.</param>
/// <param name="stop">Ends the request when the server says nothing for too long.</param>
internal sealed class RemoteResponse(HttpResponseMessage message, Uri url, CancellationTokenSource stop) : IDisposable
{
    // Longer ones are no entity tags.
    private const int MaxTagLength = 256;

    // By the hub; null if it does not say.
    private long? _linkedLength;

    public HttpResponseMessage Message => message;

    public Uri Url => url;

    /// <summary>The entity tag, with its quotes; null if there is none, or only one that does not promise the same bytes.</summary>
    public string? ETag => message.Headers.ETag is { IsWeak: false } tag && tag.Tag.Length <= MaxTagLength ? tag.Tag : null;

    /// <summary>The SHA-256 that the hub gives for a file, in lower-case hexadecimal digits; null if it gives none.</summary>
    public string? Sha256 { get; private set; }

    /// <summary>The commit that the hub has read the revision as; null if it does not say.</summary>
    public string? Commit { get; private set; }

    /// <summary>Reads what the hub says about a file before it redirects to the file's storage.</summary>
    public void TakeLinked(HttpResponseMessage earlier)
    {
        Sha256 ??= Header(earlier, "X-Linked-Etag")?.Trim('"') is { } tag && Digest.IsSha256(tag) ? tag.ToLowerInvariant() : null;
        _linkedLength ??= long.TryParse(Header(earlier, "X-Linked-Size"), NumberStyles.None, CultureInfo.InvariantCulture, out long length) ? length : null;
        Commit ??= Header(earlier, "X-Repo-Commit") is { } commit && Digest.IsCommit(commit) ? commit : null;
    }

    /// <summary>Whether the body is encoded, so that its bytes are not the file's.</summary>
    public bool IsEncoded => message.Content.Headers.ContentEncoding.Any(encoding => encoding != "identity");

    /// <summary>Whether the entity tag differs from one that was given before.</summary>
    public bool HasOtherTag(string? earlier) => earlier is not null && ETag is { } tag && tag != earlier;

    /// <summary>Checks that the hub gives a file the length that its storage does.</summary>
    /// <param name="address">The file.</param>
    /// <param name="length">Bytes by the server that answers.</param>
    /// <exception cref="ServerException">It does not.</exception>
    public void CheckLength(RemoteAddress address, long length)
    {
        if (_linkedLength is { } linked && linked != length)
            throw new ServerException($"'{address}' has {linked} bytes by the hub, but {length} by '{RemoteErrors.ServerOf(url)}'.");
    }

    /// <summary>Opens the body.</summary>
    public Task<Stream> OpenAsync() => message.Content.ReadAsStreamAsync(stop.Token);

    /// <summary>Reads some of the body; returns 0 at its end.</summary>
    /// <exception cref="ServerException">The connection was cut, or the server says nothing.</exception>
    public async Task<int> ReadAsync(Stream body, Memory<byte> buffer, TimeSpan timeout, CancellationToken token)
    {
        stop.CancelAfter(timeout);
        try
        {
            return await body.ReadAsync(buffer, stop.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (RemoteErrors.IsConnectionError(exception) && !token.IsCancellationRequested)
        {
            throw RemoteErrors.Cut(url, exception);
        }
    }

    public void Dispose()
    {
        message.Dispose();
        stop.Dispose();
    }

    private static string? Header(HttpResponseMessage message, string name) =>
        message.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.First() : null;
}

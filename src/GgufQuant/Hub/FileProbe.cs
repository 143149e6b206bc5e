using System.Net;
using GgufQuant.IO;

namespace GgufQuant.Hub;

/// <summary>Asks a server about a file without downloading it.</summary>
internal static class FileProbe
{
    /// <summary>What a server says about a file, and the commit that the hub has read its revision as.</summary>
    /// <exception cref="ServerException">The server does not say how long the file is.</exception>
    public static async Task<(DownloadFile File, string? Commit)> FindAsync(RemoteRequests requests, RemoteAddress address, CancellationToken token)
    {
        DownloadFile? file = null;
        string? commit = null;
        await requests.RepeatAsync(
            async () =>
            {
                // Addresses with a signature are often valid for GET alone.
                using RemoteResponse response = await requests.GetAsync(address, address.UrlOn(requests.Options), new(0, 0), token).ConfigureAwait(false);
                commit = address.IsOnHub ? response.Commit : null;
                file = new(commit is null ? address : address.At(commit), CheckName(address), LengthOf(response, address), response.Sha256) { Tag = response.ETag };
            },
            () => 0,
            token).ConfigureAwait(false);
        return (file!, commit);
    }

    private static long LengthOf(RemoteResponse response, RemoteAddress address)
    {
        long? length = response.Message.StatusCode switch
        {
            HttpStatusCode.PartialContent => response.Message.Content.Headers.ContentRange?.Length,
            HttpStatusCode.OK => response.Message.Content.Headers.ContentLength,
            _ => 0,
        };
        if (length is not > 0)
            throw new ServerException($"'{RemoteErrors.ServerOf(response.Url)}' does not say how long '{address}' is, or it is empty.");
        response.CheckLength(address, length.Value);
        return length.Value;
    }

    private static string CheckName(RemoteAddress address)
    {
        string name = address.FileName;
        return name is "" or "." or ".." || name.AsSpan().ContainsAny('/', '\\') || name.AsSpan().ContainsAny(Path.GetInvalidFileNameChars()) || PrintableText.Escape(name) != name
            ? throw new ServerException($"'{address}' has a name that no file on this system can have.")
            : name;
    }
}

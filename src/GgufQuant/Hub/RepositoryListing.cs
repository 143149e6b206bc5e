using System.Text.Json;
using System.Text.RegularExpressions;

namespace GgufQuant.Hub;

/// <summary>Lists the files of a repository.</summary>
internal static partial class RepositoryListing
{
    private const int MaxPageBytes = 16 << 20;
    private const int MaxPages = 1000;
    private const int MaxFiles = 200_000;
    private const long MaxFileBytes = 1L << 44;

    /// <summary>All files, with their lengths, in the hub's order.</summary>
    /// <exception cref="FileNotFoundException">There is no such repository or revision.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="ServerException">The hub does not answer as it should.</exception>
    public static async Task<IReadOnlyList<TreeEntry>> ReadAsync(RemoteRequests requests, RemoteAddress repository, CancellationToken token)
    {
        List<TreeEntry> files = [];
        Uri? page = requests.Options.AddressOf($"api/models/{repository.Repository}/tree/{Uri.EscapeDataString(repository.Revision)}?recursive=true");
        for (int i = 0; page is not null; i++)
        {
            if (i == MaxPages || files.Count > MaxFiles)
                throw new ServerException($"The hub lists more than {files.Count} files in '{repository}'.");
            Uri current = page;
            await requests.RepeatAsync(
                async () =>
                {
                    using RemoteResponse response = await requests.GetAsync(repository, current, range: null, token).ConfigureAwait(false);
                    byte[] json = await ReadBodyAsync(requests.Options, response, token).ConfigureAwait(false);
                    files.AddRange(Parse(json, repository).OfType<TreeEntry>().Where(entry => entry is { Type: "file", Path: not null, Size: >= 0 and <= MaxFileBytes } && RemoteAddress.CheckFile(entry.Path)));
                    page = NextOf(response, requests.Options);
                },
                () => files.Count,
                token).ConfigureAwait(false);
        }
        return files;
    }

    private static List<TreeEntry?> Parse(byte[] json, RemoteAddress repository)
    {
        try
        {
            return JsonSerializer.Deserialize(json, HubJson.Default.ListTreeEntry) ?? [];
        }
        catch (JsonException exception)
        {
            throw new ServerException($"The hub's list of the files in '{repository}' cannot be read: it is not the JSON that was expected, at byte {exception.BytePositionInLine} of line {exception.LineNumber}.", exception);
        }
    }

    private static async Task<byte[]> ReadBodyAsync(HubOptions options, RemoteResponse response, CancellationToken token)
    {
        using Stream body = await response.OpenAsync().ConfigureAwait(false);
        using MemoryStream read = new();
        byte[] buffer = new byte[64 << 10];
        while (await response.ReadAsync(body, buffer, options.Timeout, token).ConfigureAwait(false) is > 0 and int count)
        {
            if (read.Length + count > MaxPageBytes)
                throw new ServerException($"'{RemoteErrors.ServerOf(response.Url)}' sends more than {MaxPageBytes} bytes in answer to a request for a list of files.");
            read.Write(buffer, 0, count);
        }
        return read.ToArray();
    }

    // Link: <https://huggingface.co/api/models/...&cursor=...>; rel="next"
    private static Uri? NextOf(RemoteResponse response, HubOptions options)
    {
        if (!response.Message.Headers.TryGetValues("Link", out IEnumerable<string>? links)
            || NextLink().Match(string.Join(", ", links)) is not { Success: true } link)
            return null;
        return Uri.TryCreate(response.Url, link.Groups["url"].Value, out Uri? next) && options.IsHub(next)
            ? next
            : throw new ServerException($"'{RemoteErrors.ServerOf(response.Url)}' continues its list of files on another server, which is not followed.");
    }

    [GeneratedRegex("<(?<url>[^<>]{1,4096})>\\s*;\\s*rel=\"?next\"?", RegexOptions.CultureInvariant)]
    private static partial Regex NextLink();
}

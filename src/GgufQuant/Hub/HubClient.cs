using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.Hub;

/// <summary>Reads models on the Hugging Face hub and on other servers.</summary>
/// <param name="options">The hub, and the token to read it with.</param>
/// <remarks>Thread-safe, except for <see cref="Dispose"/>.</remarks>
public sealed class HubClient(HubOptions options) : IDisposable
{
    private readonly RemoteRequests _requests = new(options);

    /// <summary>The hub, and the token to read it with.</summary>
    public HubOptions Options => options;

    /// <summary>Reads the header of a remote model, and those of all shards, by range requests: at most 1 MiB more than the headers.</summary>
    /// <param name="address">The file, or any shard of a split model.</param>
    /// <param name="isTolerant">Whether to accept faulty tensors as <see cref="GgufFile.OpenTolerant"/> does.</param>
    /// <param name="progress">Receives how much of the headers has been read.</param>
    /// <param name="token">Stops it, and any reading from the file afterwards.</param>
    /// <returns>The model, whose tensor data is still on the server. It must be disposed of before the client.</returns>
    /// <exception cref="GgufFormatException">A file is malformed.</exception>
    /// <exception cref="FileNotFoundException">There is no such file, or a shard is missing.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="ServerException">The server does not support ranges, does not answer as it should, or cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public GgufFile Open(RemoteAddress address, bool isTolerant, IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        return GgufFile.Open(address.ToString(), path => RemoteFile.Open(_requests, RemoteAddress.Parse(path, options), progress, token), isTolerant, token);
    }

    /// <summary>Lists the GGUF files of a repository, in the order of their names.</summary>
    /// <param name="repository">The repository; a file in it is ignored.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="ArgumentException">The address is not on the hub.</exception>
    /// <exception cref="FileNotFoundException">There is no such repository or revision.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="ServerException">The hub does not answer as it should, or cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public IReadOnlyList<RemoteAddress> ListFiles(RemoteAddress repository, CancellationToken token) =>
        [.. List(repository, token).Select(file => repository.WithFile(file.Path!))];

    /// <summary>Lists the models in a repository, in the order of their names.</summary>
    /// <inheritdoc cref="ListFiles"/>
    public IReadOnlyList<RemoteModel> FindModels(RemoteAddress repository, CancellationToken token) =>
    [
        .. List(repository, token)
            .GroupBy(file => ShardNames.FirstOf(file.Path!), StringComparer.Ordinal)
            .Select(shards => new RemoteModel(repository.WithFile(shards.First().Path!), shards.Sum(shard => shard.Size), shards.Count())),
    ];

    /// <summary>Finds the files of a model to download: itself, or all shards by their names.</summary>
    /// <param name="address">The file, or any shard of a split model.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="FileNotFoundException">There is no such file, or a shard is missing.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="ServerException">The server does not say how long a file is, does not answer as it should, or cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public ModelDownload FindDownload(RemoteAddress address, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(address);
        List<DownloadFile> files = [];
        string path = address.ToString();
        string? commit = null;
        for (int i = 0; i < ShardNames.CountOf(path); i++)
        {
            RemoteAddress file = RemoteAddress.Parse(ShardNames.OtherOf(path, i), options);
            (DownloadFile found, commit) = FileProbe.FindAsync(_requests, commit is null ? file : file.At(commit), token).GetAwaiter().GetResult();
            files.Add(found);
        }
        return new(_requests, files);
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _requests.Dispose();

    private IEnumerable<TreeEntry> List(RemoteAddress repository, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(repository);
        if (!repository.IsOnHub)
            throw new ArgumentException($"'{repository}' is not on the hub.", nameof(repository));
        return RepositoryListing.ReadAsync(_requests, repository, token).GetAwaiter().GetResult()
            .Where(file => file.Path!.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
            .OrderBy(file => file.Path, StringComparer.Ordinal);
    }
}

using GgufQuant.IO;

namespace GgufQuant.Hub;

/// <summary>A model to download: its file, or all its shards.</summary>
public sealed class ModelDownload
{
    private readonly RemoteRequests _requests;

    internal ModelDownload(RemoteRequests requests, IReadOnlyList<DownloadFile> files)
    {
        _requests = requests;
        Files = files;
    }

    /// <summary>The file, or the shards in order.</summary>
    public IReadOnlyList<DownloadFile> Files { get; }

    /// <summary>Bytes of all files together.</summary>
    public long Length => Files.Sum(file => file.Length);

    /// <summary>Whether the files on disk are those of the model, by length and SHA-256.</summary>
    /// <param name="paths">The full paths of the files on disk, one per file of the model.</param>
    /// <param name="progress">Receives how far it has come.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public bool IsAt(IReadOnlyList<string> paths, IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        if (Files.Any(file => file.Sha256 is null) || !paths.Zip(Files, (path, file) => new FileInfo(path) is { Exists: true } info && info.Length == file.Length).All(isSame => isSame))
            return false;
        TransferProgress transfer = new(progress, Length);
        return paths.Zip(Files).All(pair => DigestOf(pair.First, pair.Second, transfer, token) == pair.Second.Sha256);
    }

    /// <summary>
    /// Downloads all files and gives them their names once all are complete. If it fails or is stopped, the parts stay beside the
    /// targets as <c>.partial</c>, and the next download of the same files continues with them.
    /// </summary>
    /// <param name="paths">The full paths of the files to write, one per file of the model, in folders that exist.</param>
    /// <param name="overwrite">Whether existing files may be replaced.</param>
    /// <param name="progress">Receives how far it has come.</param>
    /// <param name="token">Stops it.</param>
    /// <returns>The SHA-256 of each file, in lower-case hexadecimal digits.</returns>
    /// <exception cref="UnauthorizedAccessException">A file may not be read or written.</exception>
    /// <exception cref="ServerException">The server does not answer as it should, or a file is not what the hub says.</exception>
    /// <exception cref="IOException">The disk is full, or a file exists or cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public IReadOnlyList<string> Save(IReadOnlyList<string> paths, bool overwrite, IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        List<PartialFile> parts = [];
        try
        {
            foreach ((string path, DownloadFile file) in paths.Zip(Files))
                parts.Add(new(path, file));
            foreach (IGrouping<string?, PartialFile> folder in parts.GroupBy(part => Path.GetDirectoryName(part.Path)))
                DiskSpace.Check(folder.First().Path, folder.Sum(part => part.Missing));
            TransferProgress transfer = new(progress, Length);
            List<string> digests = [];
            foreach (PartialFile part in parts)
            {
                part.Open(overwrite);
                digests.Add(part.ReceiveAsync(_requests, transfer, token).GetAwaiter().GetResult());
            }
            PartialFile.CommitAll(parts, token);
            return digests;
        }
        finally
        {
            parts.ForEach(part => part.Dispose());
        }
    }

    private static string DigestOf(string path, DownloadFile file, TransferProgress progress, CancellationToken token) =>
        Convert.ToHexStringLower(FileHash.Compute(path, (count, _) => progress.Add(file.Name, count, isNew: false), token));
}

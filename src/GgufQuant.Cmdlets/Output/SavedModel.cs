using GgufQuant.Hub;

namespace GgufQuant.Commands;

/// <summary>A model that was downloaded.</summary>
public sealed class SavedModel
{
    internal SavedModel(string source, ModelDownload download, IReadOnlyList<string> paths, IReadOnlyList<string> digests)
    {
        Source = source;
        Files = new(paths, ", ");
        Sha256 = new(digests, ", ");
        Size = download.Length;
        IsVerified = download.Files.All(file => file.Sha256 is not null);
    }

    /// <summary>The full path, of the first shard if the model is split.</summary>
    public string Path => Files[0];

    /// <summary>Where it came from.</summary>
    public string Source { get; }

    /// <summary>Bytes of all shards together.</summary>
    public long Size { get; }

    /// <summary>Files the model is split into; 1 if it is not.</summary>
    public int Shards => Files.Count;

    /// <summary>Whether the server gave the SHA-256 of every file, and the files have it.</summary>
    public bool IsVerified { get; }

    /// <summary>The SHA-256 of every file, in lower-case hexadecimal digits.</summary>
    public ValueList<string> Sha256 { get; }

    /// <summary>The full paths of all files.</summary>
    public ValueList<string> Files { get; }

    /// <summary>The file's path, so that the object can stand where a path is asked for.</summary>
    public override string ToString() => Path;
}

using GgufQuant.IO;

namespace GgufQuant.Imatrix;

/// <summary>An importance matrix: how strongly some text activates each column of a model's weights.</summary>
public sealed class ImatrixFile
{
    private readonly Dictionary<string, ImatrixEntry> _byName;

    internal ImatrixFile(
        string path, bool isLegacy, IReadOnlyList<ImatrixEntry> entries, IReadOnlyList<string> datasets, int chunkCount, int? chunkSize,
        ImatrixPart? part = null)
    {
        Part = part;
        Path = path;
        IsLegacy = isLegacy;
        Entries = entries;
        Datasets = datasets;
        ChunkCount = chunkCount;
        ChunkSize = chunkSize;
        _byName = entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
    }

    /// <summary>The file's path, as given.</summary>
    public string Path { get; }

    /// <summary>Whether the file is in the older <c>.dat</c> format instead of GGUF.</summary>
    public bool IsLegacy { get; }

    /// <summary>One entry per weight tensor.</summary>
    public IReadOnlyList<ImatrixEntry> Entries { get; }

    /// <summary>The texts it was computed from, as far as the file says.</summary>
    public IReadOnlyList<string> Datasets { get; }

    /// <summary>Chunks of text it was computed from; 0 if the file does not say.</summary>
    public int ChunkCount { get; }

    /// <summary>Tokens per chunk; null if the file does not say, as the older format never does.</summary>
    public int? ChunkSize { get; }

    /// <summary>The part of the text that it was collected from, if it is to be merged with others.</summary>
    public ImatrixPart? Part { get; }

    /// <summary>Reads a file of either format.</summary>
    /// <param name="path">The file.</param>
    /// <param name="token">Cancels the operation.</param>
    /// <exception cref="ImatrixFormatException">The file is not an importance matrix, is damaged, or holds values that are negative or not finite.</exception>
    /// <exception cref="Gguf.GgufFormatException">The file is GGUF, but damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The operation was cancelled.</exception>
    public static ImatrixFile Open(string path, CancellationToken token = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ImatrixFile matrix = IsGguf(path) ? GgufImatrixReader.Read(path, token) : LegacyImatrixReader.Read(path);
        foreach (ImatrixEntry entry in matrix.Entries)
        {
            token.ThrowIfCancellationRequested();
            entry.CheckValues();
        }
        return matrix;
    }

    /// <summary>The entry for a weight tensor; null if there is none.</summary>
    public ImatrixEntry? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>The same matrix with only some entries, selected by parts of their names.</summary>
    /// <param name="include">Keeps the entries whose names contain one of these; all if empty.</param>
    /// <param name="exclude">Leaves out the entries whose names contain one of these.</param>
    public ImatrixFile Where(IReadOnlyCollection<string> include, IReadOnlyCollection<string> exclude)
    {
        ArgumentNullException.ThrowIfNull(include);
        ArgumentNullException.ThrowIfNull(exclude);
        bool IsKept(ImatrixEntry entry) =>
            (include.Count == 0 || include.Any(part => entry.Name.Contains(part, StringComparison.Ordinal)))
            && !exclude.Any(part => entry.Name.Contains(part, StringComparison.Ordinal));
        return new(Path, IsLegacy, [.. Entries.Where(IsKept)], Datasets, ChunkCount, ChunkSize, Part);
    }

    private static bool IsGguf(string path)
    {
        Span<byte> magic = stackalloc byte[4];
        using FileStream stream = RegularFile.OpenStream(path);
        return stream.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length && magic.SequenceEqual("GGUF"u8);
    }
}

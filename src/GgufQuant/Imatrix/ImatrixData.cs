using GgufQuant.Gguf;

namespace GgufQuant.Imatrix;

/// <summary>The sums of an importance matrix in memory, to which more text and other matrices can be added.</summary>
public sealed class ImatrixData
{
    /// <summary>Tokens per chunk where a file does not say: llama-imatrix's default.</summary>
    public const int DefaultChunkSize = 512;

    private readonly SortedDictionary<string, ImatrixSums> _entries = new(StringComparer.Ordinal);
    private readonly List<string> _datasets = [];

    // The texts whose parts have been merged.
    private readonly HashSet<string> _parts = new(StringComparer.Ordinal);

    /// <summary>An empty matrix.</summary>
    /// <param name="chunkSize">Tokens per chunk, the unit of the chunk count.</param>
    public ImatrixData(int chunkSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(chunkSize, 1);
        ChunkSize = chunkSize;
    }

    /// <summary>Tokens per chunk.</summary>
    public int ChunkSize { get; }

    /// <summary>Chunks collected: the tokens seen by the busiest matrix, in chunks.</summary>
    public int ChunkCount => (int)Math.Min(int.MaxValue, _entries.Values.SelectMany(entry => entry.Counts).DefaultIfEmpty().Max() / ChunkSize);

    /// <summary>The texts it was collected from.</summary>
    public IReadOnlyList<string> Datasets => _datasets;

    /// <summary>The part of the text that it was collected from, if it is to be merged with others; null for a whole matrix.</summary>
    public ImatrixPart? Part { get; set; }

    /// <summary>The sums by the weight tensor's name, in ordinal order.</summary>
    public IReadOnlyDictionary<string, ImatrixSums> Entries => _entries;

    /// <summary>Loads a matrix to add to it.</summary>
    /// <param name="matrix">The matrix; for the older format the counts are estimated, since it stores none.</param>
    /// <param name="chunkSize">Tokens per chunk.</param>
    public static ImatrixData From(ImatrixFile matrix, int chunkSize)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        ImatrixData collected = new(chunkSize);
        // llama-imatrix reads the older format's means times calls as sums over that many chunks.
        int factor = matrix.IsLegacy ? chunkSize : 1;
        foreach (ImatrixEntry entry in matrix.Entries)
        {
            ImatrixSums sums = collected.Entry(entry.Name, entry.Columns, entry.Counts.Count);
            entry.ReadInto(sums);
            for (int i = 0; i < sums.Squares.Length && factor > 1; i++)
                sums.Squares[i] *= factor;
            for (int i = 0; i < sums.Counts.Length; i++)
                sums.Counts[i] = (long)Math.Round((double)entry.Counts[i] * factor);
        }
        collected._datasets.AddRange(matrix.Datasets);
        collected.Part = matrix.Part;
        return collected;
    }

    /// <summary>Reads a matrix from a file of either format.</summary>
    /// <param name="path">The file.</param>
    /// <param name="chunkSize">Tokens per chunk where the file does not say.</param>
    /// <exception cref="ImatrixFormatException">The file is not an importance matrix, or is damaged.</exception>
    /// <exception cref="GgufFormatException">The file is GGUF, but damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ImatrixData Read(string path, int chunkSize = DefaultChunkSize)
    {
        ImatrixFile matrix = ImatrixFile.Open(path);
        return From(matrix, matrix.ChunkSize ?? chunkSize);
    }

    /// <summary>Names a text it was collected from.</summary>
    public void AddDataset(string name) => _datasets.Add(name);

    /// <summary>Adds the sums of another run, on the same or another text. The parts of a text name it once.</summary>
    /// <exception cref="InvalidDataException">A tensor's shape differs: the runs used different models.</exception>
    public void Merge(ImatrixData other)
    {
        foreach ((string name, ImatrixSums sums) in other._entries)
            Merge(name, sums);
        if (other.Part is null || _parts.Add(other.Part.Text))
            _datasets.AddRange(other._datasets);
    }

    /// <summary>Adds one tensor's sums from another run.</summary>
    /// <exception cref="InvalidDataException">The tensor's shape differs: the runs used different models.</exception>
    public void Merge(string name, ImatrixSums sums)
    {
        if (!_entries.TryGetValue(name, out ImatrixSums? entry))
            _entries.Add(name, entry = new(sums.Squares.Length, sums.Counts.Length));
        if (!entry.TryMerge(sums))
        {
            throw new InvalidDataException(
                $"The importance matrices belong to different models: '{name}' has {entry.Squares.Length} values in one and {sums.Squares.Length} in the other.");
        }
    }

    /// <summary>The tensor's sums, created on first use.</summary>
    internal ImatrixSums Entry(string name, long columns, int counts)
    {
        if (!_entries.TryGetValue(name, out ImatrixSums? entry))
            _entries.Add(name, entry = new(columns, counts));
        if (entry.Squares.Length != columns)
        {
            throw new InvalidDataException(
                $"The importance matrix to resume belongs to another model: '{name}' has {entry.Squares.Length} values there and {columns} here.");
        }
        if (counts > 1)
            entry.SplitCounts(counts);
        return entry;
    }
}

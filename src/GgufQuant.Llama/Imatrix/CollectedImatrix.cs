namespace GgufQuant.Llama.Imatrix;

/// <summary>An importance matrix being collected: sums that more text can be added to.</summary>
public sealed class CollectedImatrix
{
    private readonly SortedDictionary<string, ColumnSums> _entries = new(StringComparer.Ordinal);
    private readonly List<string> _datasets = [];

    /// <summary>An empty matrix.</summary>
    /// <param name="chunkSize">Tokens of a chunk: what the number of chunks is counted in.</param>
    public CollectedImatrix(int chunkSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(chunkSize, 1);
        ChunkSize = chunkSize;
    }

    /// <summary>Tokens of a chunk.</summary>
    public int ChunkSize { get; }

    /// <summary>Chunks collected: the tokens that the busiest matrix has seen, in chunks.</summary>
    public int ChunkCount => (int)Math.Min(int.MaxValue, _entries.Values.SelectMany(entry => entry.Counts).DefaultIfEmpty().Max() / ChunkSize);

    /// <summary>The texts it was collected from.</summary>
    public IReadOnlyList<string> Datasets => _datasets;

    /// <summary>The sums by the weight tensor's name, in ordinal order.</summary>
    public IReadOnlyDictionary<string, ColumnSums> Entries => _entries;

    /// <summary>Names a text it was collected from.</summary>
    public void AddDataset(string name) => _datasets.Add(name);

    /// <summary>Adds the sums of another run, on the same or another text.</summary>
    /// <exception cref="InvalidDataException">A tensor's shape differs: the runs are of different models.</exception>
    public void Merge(CollectedImatrix other)
    {
        foreach ((string name, ColumnSums sums) in other._entries)
            Merge(name, sums);
        _datasets.AddRange(other._datasets);
    }

    /// <summary>Adds one tensor's sums of another run.</summary>
    /// <exception cref="InvalidDataException">The tensor's shape differs: the runs are of different models.</exception>
    public void Merge(string name, ColumnSums sums)
    {
        if (!_entries.TryGetValue(name, out ColumnSums? entry))
            _entries.Add(name, entry = new(sums.Columns, sums.Squares.Length / sums.Columns, sums.Counts.Length));
        if (!entry.TryMerge(sums))
        {
            throw new InvalidDataException(
                $"The importance matrices do not belong to the same model: '{name}' has {entry.Squares.Length} values in one, {sums.Squares.Length} in the other.");
        }
    }

    /// <summary>The tensor's sums, made when it is first seen.</summary>
    internal ColumnSums Entry(string name, int columns, int matrices, int counts)
    {
        if (!_entries.TryGetValue(name, out ColumnSums? entry))
            _entries.Add(name, entry = new(columns, matrices, counts));
        if (entry.Columns != columns || entry.Squares.Length != (long)columns * matrices)
        {
            throw new InvalidDataException(
                $"The importance matrix to go on with belongs to another model: '{name}' has {entry.Squares.Length} values, here {(long)columns * matrices}.");
        }
        if (counts > 1)
            entry.SplitCounts(counts);
        return entry;
    }
}

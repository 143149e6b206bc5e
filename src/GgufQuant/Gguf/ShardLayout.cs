using GgufQuant.IO;

namespace GgufQuant.Gguf;

/// <summary>The files that a model is written to: one file, all of its shards, or some of them.</summary>
public sealed class ShardLayout
{
    private ShardLayout(IReadOnlyList<GgufWriter> files, IReadOnlyList<int> numbers, int count, bool isChosen)
    {
        Files = files;
        Numbers = numbers;
        Count = count;
        IsChosen = isChosen;
        Length = files.Sum(file => file.Length);
    }

    /// <summary>The numbers of the shards to write, counted from 0, in ascending order.</summary>
    public IReadOnlyList<int> Numbers { get; }

    /// <summary>How many shards the whole model has; 1 unless it is split.</summary>
    public int Count { get; }

    /// <summary>Total bytes of the files to write.</summary>
    public long Length { get; }

    /// <summary>Whether some of the model's shards are left out.</summary>
    public bool IsPart => Numbers.Count < Count;

    /// <summary>Whether <see cref="Only"/> chose the shards: then other processes, on other machines too, may write the others or the same.</summary>
    internal bool IsChosen { get; }

    /// <summary>The headers to write, one per number.</summary>
    internal IReadOnlyList<GgufWriter> Files { get; }

    /// <summary>Lays out a whole model.</summary>
    /// <param name="files">The headers of all its files.</param>
    internal static ShardLayout Of(IReadOnlyList<GgufWriter> files) => new(files, [.. Enumerable.Range(0, files.Count)], files.Count, isChosen: false);

    /// <summary>The layout that writes only some of these shards.</summary>
    /// <param name="numbers">Their numbers, counted from 0, in any order.</param>
    /// <exception cref="ArgumentOutOfRangeException">One is not among <see cref="Numbers"/>.</exception>
    public ShardLayout Only(IEnumerable<int> numbers)
    {
        int[] chosen = [.. numbers.Distinct().Order()];
        return new([.. chosen.Select(number => Files[IndexOf(number)])], chosen, Count, isChosen: true);
    }

    /// <summary>The full paths of the files written to a destination: the destination itself, or the shard names derived from it.</summary>
    /// <param name="destination">The file that an unsplit model would have.</param>
    public IReadOnlyList<string> PathsAt(string destination)
    {
        string full = Path.GetFullPath(destination);
        if (Count == 1)
            return Numbers.Count == 0 ? [] : [full];
        const string Extension = ".gguf";
        string prefix = full.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) ? full[..^Extension.Length] : full;
        return [.. Numbers.Select(number => ShardNames.PathOf(prefix, number, Count))];
    }

    /// <summary>Why a file is not one of these shards, finished earlier; null if it is.</summary>
    /// <remarks>Header, length and time are compared. The data is not read.</remarks>
    /// <param name="number">The shard, counted from 0.</param>
    /// <param name="path">A file that exists.</param>
    /// <param name="inputs">The files that it was made from, than which it must not be older.</param>
    /// <exception cref="ArgumentOutOfRangeException">The shard is not among <see cref="Numbers"/>.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public string? FindDifference(int number, string path, IEnumerable<string> inputs) => ShardComparison.Find(Files[IndexOf(number)], path, inputs);

    /// <summary>Gives the files their names: all or none, or one by one where other processes may write the same.</summary>
    /// <param name="files">The complete files, one per number.</param>
    /// <param name="token">Ends the waiting for a target that is in use.</param>
    /// <exception cref="IOException">The disk is full or fails, or a target cannot be replaced or has appeared meanwhile.</exception>
    internal void Commit(IReadOnlyList<AtomicFile> files, CancellationToken token)
    {
        if (IsChosen)
            AtomicFile.CommitEach(files, token);
        else
            AtomicFile.CommitAll(files, token);
    }

    /// <summary>The index of a shard among <see cref="Numbers"/> and <see cref="Files"/>.</summary>
    internal int IndexOf(int number)
    {
        for (int i = 0; i < Numbers.Count; i++)
        {
            if (Numbers[i] == number)
                return i;
        }
        throw new ArgumentOutOfRangeException(nameof(number), number, "There is no such shard.");
    }
}

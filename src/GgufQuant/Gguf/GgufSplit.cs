using GgufQuant.IO;

namespace GgufQuant.Gguf;

/// <summary>A model in several files, <c>name-00001-of-00003.gguf</c> and so on: which shard a file is, and where the others are.</summary>
internal sealed record GgufSplit(string Prefix, int Number, int Count, string Query = "")
{
    public const string NumberKey = "split.no";
    public const string CountKey = "split.count";
    public const string TensorCountKey = "split.tensors.count";

    // llama.cpp reads the count as a 16-bit number.
    private const int MaxCount = ushort.MaxValue;

    /// <summary>Whether a key describes how a model is split.</summary>
    public static bool IsKey(string key) => key is NumberKey or CountKey or TensorCountKey;

    /// <summary>Rejects keys to set or remove that describe how a model is split.</summary>
    /// <exception cref="ArgumentException">There is such a key.</exception>
    public static void ThrowIfReserved(IEnumerable<string> keys)
    {
        if (keys.FirstOrDefault(IsKey) is { } key)
            throw new ArgumentException($"'{key}' describes how the model is split and cannot be edited: split or merge the model instead.");
    }

    /// <summary>The split that a file claims to be part of; null if the file is a whole model.</summary>
    /// <exception cref="GgufFormatException">What the file says about the split contradicts its name.</exception>
    public static GgufSplit? Of(string path, GgufHeader header)
    {
        if (header.Metadata.Find(CountKey) is not { } countEntry)
            return null;
        int count = ReadNumber(path, header, countEntry);
        if (count <= 1)
            return null;
        if (count > MaxCount)
            throw Wrong(path, CountKey, countEntry.FileOffset, $"{count} shards exceed the limit of {MaxCount}");
        if (header.Metadata.Find(NumberKey) is not { } numberEntry)
            throw Wrong(path, CountKey, countEntry.FileOffset, $"the file is one of {count} shards, but '{NumberKey}' does not say which");
        int number = ReadNumber(path, header, numberEntry);
        if (number >= count)
            throw Wrong(path, NumberKey, numberEntry.FileOffset, $"shard {number}, counted from 0, cannot be one of {count}");

        string suffix = ShardNames.PathOf("", number, count);
        (string name, string query) = WithoutQuery(path);
        if (name.Length < suffix.Length || !PathIdentity.AreSame(name[..^suffix.Length] + suffix, name))
            throw Wrong(path, NumberKey, numberEntry.FileOffset, $"this is shard {number + 1} of {count}, so its name must end in '{suffix}': rename it, and keep all shards in one folder");
        return new GgufSplit(name[..^suffix.Length], number, count, query);
    }

    /// <summary>The path of a shard, counted from 0.</summary>
    public string PathOf(int number) => ShardNames.PathOf(Prefix, number, Count) + Query;

    /// <summary>Opens a shard, counted from 0.</summary>
    /// <param name="number">The shard.</param>
    /// <param name="open">Opens a file by its full path or address.</param>
    /// <exception cref="MissingShardsException">The shard is missing; the others that are missing too are named with it, unless they are remote.</exception>
    public GgufSource OpenShard(int number, Func<string, IRandomAccessFile> open)
    {
        string path = PathOf(number);
        try
        {
            return new GgufSource(open(path));
        }
        catch (FileNotFoundException exception)
        {
            // Each would take a request to a server. Full paths have no two slashes in a row.
            bool isRemote = path.Contains("://", StringComparison.Ordinal);
            IEnumerable<int> later = isRemote ? [] : Enumerable.Range(number + 1, Count - number - 1).Where(other => !File.Exists(PathOf(other)));
            throw new MissingShardsException(this, [number, .. later], exception);
        }
    }

    /// <summary>A sentence about a missing shard, counted from 0.</summary>
    public string Missing(int number) => $"Shard {number + 1} of {Count} is missing: '{PathOf(number)}' does not exist.";

    /// <summary>Checks that the shards belong together.</summary>
    /// <exception cref="GgufFormatException">They do not.</exception>
    public void Check(GgufSource[] sources, GgufHeader[] headers)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        for (int i = 0; i < Count; i++)
        {
            string path = sources[i].Path;
            if (Of(path, headers[i]) is not { } split)
                throw Wrong(path, CountKey, 0, $"the file is not marked as one of {Count} shards, so it belongs to another model");
            if (split.Count != Count || split.Number != i)
                throw Wrong(path, NumberKey, 0, $"the file is shard {split.Number + 1} of {split.Count}, not {i + 1} of {Count}");
            if (headers[i].IsBigEndian != headers[0].IsBigEndian)
                throw new GgufFormatException(path, "header version", sizeof(uint), "the byte order differs from the first shard's");
            foreach (GgufTensor tensor in headers[i].Tensors)
            {
                if (!names.Add(tensor.Name))
                    throw new GgufFormatException(path, $"tensor '{tensor.Name}'", tensor.FileOffset, "an earlier shard has a tensor of the same name");
            }
        }

        if (headers[0].Metadata.Find(TensorCountKey) is not { } entry)
            return;
        int expected = ReadNumber(sources[0].Path, headers[0], entry);
        if (expected != names.Count)
            throw Wrong(sources[0].Path, TensorCountKey, entry.FileOffset, $"the model has {expected} tensors, but its {Count} shards hold {names.Count}");
    }

    private static (string Name, string Query) WithoutQuery(string path)
    {
        int query = path.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || path.StartsWith("https://", StringComparison.OrdinalIgnoreCase)
            ? path.IndexOf('?')
            : -1;
        return query < 0 ? (path, "") : (path[..query], path[query..]);
    }

    private static int ReadNumber(string path, GgufHeader header, GgufEntry entry) =>
        header.Metadata.TryGetUInt64(entry.Key, out ulong value) && value <= int.MaxValue
            ? (int)value
            : throw Wrong(path, entry.Key, entry.FileOffset, "the value is not a number from 0 to 2147483647");

    private static GgufFormatException Wrong(string path, string key, long offset, string problem) =>
        new(path, $"metadata '{key}'", offset, problem);
}

using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace GgufQuant.Gguf;

/// <summary>A file's metadata: keys and values in the file's order.</summary>
public sealed class GgufMetadata : IReadOnlyCollection<GgufEntry>
{
    private readonly List<GgufEntry> _entries = [];
    private readonly Dictionary<string, GgufEntry> _byKey = new(StringComparer.Ordinal);

    /// <summary>Takes entries in order.</summary>
    /// <exception cref="ArgumentException">Two entries have the same key.</exception>
    public GgufMetadata(IEnumerable<GgufEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        foreach (GgufEntry entry in entries)
        {
            if (!TryAdd(entry))
                throw new ArgumentException($"The metadata key '{entry.Key}' is given twice.");
        }
    }

    internal GgufMetadata()
    {
    }

    /// <summary>Number of entries.</summary>
    public int Count => _entries.Count;

    /// <summary>The entry with a key; null if there is none.</summary>
    public GgufEntry? Find(string key) => _byKey.GetValueOrDefault(key);

    /// <summary>Whether the file has a key.</summary>
    public bool Contains(string key) => _byKey.ContainsKey(key);

    /// <summary>Reads a string.</summary>
    public bool TryGetString(string key, [NotNullWhen(true)] out string? value)
    {
        value = ScalarOf(key) as string;
        return value is not null;
    }

    /// <summary>Reads a non-negative integer of any width.</summary>
    public bool TryGetUInt64(string key, out ulong value)
    {
        bool found = TryGetInteger(key, out Int128 integer) && integer >= 0;
        value = found ? (ulong)integer : 0;
        return found;
    }

    /// <inheritdoc/>
    public IEnumerator<GgufEntry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal bool TryAdd(GgufEntry entry)
    {
        if (!_byKey.TryAdd(entry.Key, entry))
            return false;
        _entries.Add(entry);
        return true;
    }

    private object? ScalarOf(string key) =>
        Find(key) is { Type: not GgufValueType.Array } entry ? entry.Value : null;

    private bool TryGetInteger(string key, out Int128 value)
    {
        (bool found, value) = ScalarOf(key) switch
        {
            byte number => (true, (Int128)number),
            sbyte number => (true, number),
            ushort number => (true, number),
            short number => (true, number),
            uint number => (true, number),
            int number => (true, number),
            ulong number => (true, number),
            long number => (true, number),
            _ => (false, default),
        };
        return found;
    }
}

using GgufQuant.Gguf;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>Metadata as gguf-py's writer collects it: a key that is set again keeps its position, and empty values are left out.</summary>
internal sealed class KeyList
{
    private readonly OrderedDictionary<string, object> _values = new(StringComparer.Ordinal);

    public object? this[string key] => _values.GetValueOrDefault(key);

    public void Set(string key, object value)
    {
        if (value is not "" and not Array { Length: 0 })
            _values[key] = value;
    }

    public IReadOnlyList<GgufEntry> ToEntries() => [.. _values.Select(pair => GgufEntry.Create(pair.Key, pair.Value))];
}

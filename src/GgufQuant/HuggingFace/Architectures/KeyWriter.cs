using System.Text.Json;
using GgufQuant.Gguf;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>Collects the metadata of a GGUF file.</summary>
/// <remarks>
/// gguf-py's <c>GGUFWriter.add_key_value</c>: a key that is written again keeps its position and takes the new value;
/// empty values are not written.
/// </remarks>
internal sealed class KeyWriter(ConversionContext context)
{
    private readonly List<GgufEntry> _entries = [];
    private readonly Dictionary<string, int> _indices = new(StringComparer.Ordinal);

    /// <summary>The model that the keys describe.</summary>
    public ConversionContext Context => context;

    /// <summary>The model's configuration.</summary>
    public ModelConfig Config => context.Config;

    /// <summary>The keys in the order of the file.</summary>
    public IReadOnlyList<GgufEntry> Entries => _entries;

    /// <summary>Writes any key.</summary>
    public void Add(GgufEntry entry)
    {
        if (entry is { Type: GgufValueType.Array, Count: 0 } or { Type: GgufValueType.String, EncodedLength: sizeof(ulong) })
            return;
        if (_indices.TryAdd(entry.Key, _entries.Count))
            _entries.Add(entry);
        else
            _entries[_indices[entry.Key]] = entry;
    }

    /// <summary>Writes a <c>general.*</c> key.</summary>
    public void AddGeneral(string key, object value) => Add(GgufEntry.Create(key, value));

    /// <summary>Writes a key with the architecture's prefix.</summary>
    public void Add(string key, object value) => Add(GgufEntry.Create($"{context.Architecture.Name}.{key}", value));

    /// <summary>Writes a non-negative integer.</summary>
    public void AddUInt32(string key, long value)
    {
        if (value is < 0 or > uint.MaxValue)
            throw context.Invalid($"{value} for '{key}' does not fit an unsigned 32-bit integer");
        Add(key, (uint)value);
    }

    /// <summary>Writes a non-negative integer, if there is one.</summary>
    public void AddUInt32(string key, JsonElement? value)
    {
        if (value is { } given)
            AddUInt32(key, context.ToInt64(given, key));
    }

    /// <summary>Writes a number, if there is one.</summary>
    public void AddFloat32(string key, JsonElement? value)
    {
        if (value is { } given)
            AddFloat32(key, context.ToDouble(given, key));
    }

    /// <summary>Writes a number.</summary>
    public void AddFloat32(string key, double value) => Add(key, (float)value);

    /// <summary>Writes an integer, or one per block.</summary>
    public void AddUInt32OrArray(string key, JsonElement? value)
    {
        if (value is { ValueKind: JsonValueKind.Array } list)
            Add(key, list.EnumerateArray().Select(item => (int)context.ToInt64(item, key)).ToArray());
        else
            AddUInt32(key, value);
    }

    /// <summary>Writes the file type where the converter writes it.</summary>
    public void AddFileType() => AddGeneral(GgufKeys.FileType, (uint)context.FileType);
}

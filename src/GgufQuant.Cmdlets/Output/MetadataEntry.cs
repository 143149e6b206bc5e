using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>One key of a model's metadata and its value.</summary>
public sealed class MetadataEntry
{
    internal MetadataEntry(GgufFile model, GgufEntry entry)
    {
        Path = model.Path;
        Key = entry.Key;
        Type = entry.ElementType is GgufValueType element ? $"{element}[]" : $"{entry.Type}";
        Count = entry.Count;
        Value = entry.Value;
    }

    /// <summary>The full path of the file.</summary>
    public string Path { get; }

    /// <summary>The key, such as <c>general.architecture</c>.</summary>
    public string Key { get; }

    /// <summary>GGUF's type of the value: <c>UInt32</c>, <c>String[]</c>.</summary>
    public string Type { get; }

    /// <summary>The number of elements in an array; 1 for any other value.</summary>
    public long Count { get; }

    /// <summary>A number, a Boolean, a string, or an array of one of these.</summary>
    public object Value { get; }

    /// <summary>The key.</summary>
    public override string ToString() => Key;
}

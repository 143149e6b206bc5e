using System.Globalization;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>Maps Hugging Face tensor names to an architecture's GGUF names.</summary>
/// <remarks>gguf-py's <c>TensorNameMap.get_type_and_name</c>.</remarks>
internal sealed class TensorNameMap
{
    private static readonly string[] s_suffixes = [".weight", ".bias"];

    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly int _blockCount;

    /// <param name="kinds">The kinds of tensors that the architecture has.</param>
    /// <param name="blockCount">How many blocks the model has.</param>
    public TensorNameMap(IEnumerable<string> kinds, int blockCount)
    {
        _blockCount = blockCount;
        foreach (TensorTable.Entry entry in TensorTable.Of(kinds))
        {
            // Names that are GGUF's already are kept.
            _names[entry.Name] = entry.Name;
            foreach (string source in entry.Sources)
                _names[source] = entry.Name;
        }
    }

    /// <summary>The Hugging Face names that the map knows.</summary>
    public IEnumerable<string> KnownNames => _names.Keys;

    /// <summary>The GGUF name with the suffix; null if the architecture has no such tensor.</summary>
    public string? Find(string name)
    {
        if (FindExact(name) is { } whole)
            return whole;
        foreach (string suffix in s_suffixes)
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal) && FindExact(name[..^suffix.Length]) is { } found)
                return found + suffix;
        }
        return null;
    }

    /// <summary>A name in the form of the known ones: without suffix, and with <c>{}</c> for the block.</summary>
    public string Normalize(string name)
    {
        string stem = s_suffixes.FirstOrDefault(suffix => name.EndsWith(suffix, StringComparison.Ordinal)) is { } found ? name[..^found.Length] : name;
        return string.Join('.', stem.Split('.').Select(part => part.Length > 0 && part.All(char.IsAsciiDigit) ? "{}" : part));
    }

    private string? FindExact(string name)
    {
        if (_names.TryGetValue(name, out string? global))
            return global;
        string[] parts = name.Split('.');
        int index = Array.FindIndex(parts, part => part.Length > 0 && part.All(char.IsAsciiDigit));
        if (index < 0 || !int.TryParse(parts[index], NumberStyles.None, CultureInfo.InvariantCulture, out int block) || block >= _blockCount)
            return null;
        string number = parts[index];
        parts[index] = "{}";
        return _names.TryGetValue(string.Join('.', parts), out string? found) ? found.Replace("{}", number, StringComparison.Ordinal) : null;
    }
}

namespace GgufQuant.HuggingFace.Metadata;

/// <summary>The front matter of a model's README.md.</summary>
/// <remarks>gguf-py's <c>Metadata.load_model_card</c>.</remarks>
internal sealed class ModelCard
{
    private const string FileName = "README.md";
    private const string Fence = "---";

    private readonly IReadOnlyDictionary<string, object?> _values;

    private ModelCard(IReadOnlyDictionary<string, object?> values) => _values = values;

    /// <summary>Reads a folder's card; an empty one if there is none.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="warnings">Receives a sentence if the card cannot be read.</param>
    public static ModelCard Read(ModelFolder folder, List<string> warnings)
    {
        ModelCard none = new(new Dictionary<string, object?>());
        try
        {
            string[] lines = (folder.ReadText(FileName) ?? "").ReplaceLineEndings("\n").Split('\n');
            if (lines[0] != Fence)
                return none;
            // As in gguf-py, tabs become two spaces, and the language code 'no' stays a string.
            IEnumerable<string> front = lines.Skip(1).TakeWhile(line => line != Fence).Select(line => line.Replace("\t", "  "));
            return Yaml.Parse(front) is IReadOnlyDictionary<string, object?> values ? new ModelCard(values) : none;
        }
        catch (Exception exception) when (exception is FormatException or ModelFolderException)
        {
            warnings.Add($"The front matter of '{folder.PathOf(FileName)}' is ignored: {exception.Message}");
            return none;
        }
    }

    /// <summary>A string, or the strings of a list joined with commas; null if it is missing.</summary>
    public string? Text(string key) => _values.GetValueOrDefault(key) switch
    {
        string text => text,
        List<object?> list => string.Join(',', list.OfType<string>()),
        _ => null,
    };

    /// <summary>The entries of the first key that exists: strings or mappings.</summary>
    public IReadOnlyList<object>? Entries(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            if (_values.TryGetValue(key, out object? value))
                return value is List<object?> list ? [.. list.Where(item => item is not null).Select(item => item!)] : value is string text ? [text] : [];
        }
        return null;
    }

    /// <summary>The strings of all the keys; null if none exists.</summary>
    public string[]? Texts(params ReadOnlySpan<string> keys)
    {
        List<string>? texts = null;
        foreach (string key in keys)
        {
            if (_values.GetValueOrDefault(key) is not { } value)
                continue;
            texts ??= [];
            if (value is string text)
                texts.Add(text);
            else if (value is List<object?> list)
                texts.AddRange(list.OfType<string>());
        }
        return texts?.ToArray();
    }
}

using System.Text.Json;

namespace GgufQuant.HuggingFace;

/// <summary>A model's config.json, with the text part of a multimodal model merged over the root.</summary>
/// <remarks>convert_hf_to_gguf's <c>ModelBase.load_hparams</c>, <c>get_model_architecture</c> and <c>TextModel.__init__</c>.</remarks>
internal sealed class ModelConfig
{
    // The keys of older multimodal models for what is now text_config; the last one found is used.
    private static readonly string[][] s_textConfigs =
        [["text_config"], ["llm_config"], ["lm_config"], ["thinker_config", "text_config"], ["language_config"], ["lfm"]];

    private readonly Dictionary<string, JsonElement> _values;

    private ModelConfig(string path, JsonElement root, JsonElement? text, string architecture, Dictionary<string, JsonElement> values)
    {
        Path = path;
        Root = root;
        Text = text;
        Architecture = architecture;
        _values = values;
    }

    /// <summary>The file's path.</summary>
    public string Path { get; }

    /// <summary>The unchanged file.</summary>
    public JsonElement Root { get; }

    /// <summary>The language model's part of a multimodal model; null for a text-only model.</summary>
    public JsonElement? Text { get; }

    /// <summary>The model's class, such as <c>LlamaForCausalLM</c>.</summary>
    public string Architecture { get; }

    /// <summary>The value of <c>model_type</c>; empty if there is none.</summary>
    public string ModelType => Find("model_type") is { ValueKind: JsonValueKind.String } type ? type.GetString()! : "";

    /// <summary>Reads a configuration.</summary>
    /// <param name="path">The file's path, for messages.</param>
    /// <param name="root">The file's content.</param>
    /// <exception cref="ModelFolderException">It is not a model's configuration.</exception>
    public static ModelConfig Read(string path, JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw new ModelFolderException(path, "the file is not a JSON object");
        JsonElement? text = s_textConfigs.Select(names => Descend(root, names)).LastOrDefault(found => found is not null);
        string architecture = (text is { } part ? ArchitectureOf(part) : null) ?? ArchitectureOf(root) ?? ArchitectureOfMamba(root)
            ?? throw new ModelFolderException(path, "'architectures' does not name the model's class, so the model cannot be recognized");

        Dictionary<string, JsonElement> values = new(StringComparer.Ordinal);
        foreach (JsonProperty property in root.EnumerateObject())
            values[property.Name] = property.Value;
        if (text is { } merged)
        {
            foreach (JsonProperty property in merged.EnumerateObject())
                values[property.Name] = property.Value;
        }
        return new ModelConfig(path, root, text, architecture, values);
    }

    /// <summary>Whether a key exists, even if its value is null.</summary>
    public bool Contains(string key) => _values.ContainsKey(key);

    /// <summary>The value of the first key that exists; null if none does, or if its value is null.</summary>
    /// <remarks>convert_hf_to_gguf's <c>find_hparam</c>.</remarks>
    public JsonElement? Find(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            if (_values.TryGetValue(key, out JsonElement value))
                return value.ValueKind == JsonValueKind.Null ? null : value;
        }
        return null;
    }

    /// <summary>An integer; null if none of the keys exists, or if the value is null or not a 64-bit integer.</summary>
    public long? FindInt64(params ReadOnlySpan<string> keys) =>
        Find(keys) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out long number) ? number : null;

    /// <summary>A number; null if none of the keys exists, or if the value is null or not a number.</summary>
    public double? FindDouble(params ReadOnlySpan<string> keys) =>
        Find(keys) is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out double number) ? number : null;

    /// <summary>A string; null if none of the keys exists, or if the value is null or not a string.</summary>
    public string? FindString(params ReadOnlySpan<string> keys) =>
        Find(keys) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>A boolean; null if none of the keys exists, or if the value is null or not a boolean.</summary>
    public bool? FindBoolean(params ReadOnlySpan<string> keys) =>
        Find(keys) is { ValueKind: JsonValueKind.True or JsonValueKind.False } value ? value.GetBoolean() : null;

    /// <summary>The same configuration with some values replaced or added.</summary>
    internal ModelConfig With(IEnumerable<KeyValuePair<string, JsonElement>> values)
    {
        Dictionary<string, JsonElement> merged = new(_values, StringComparer.Ordinal);
        foreach ((string key, JsonElement value) in values)
            merged[key] = value;
        return new ModelConfig(Path, Root, Text, Architecture, merged);
    }

    /// <summary>The same configuration with one value replaced or added.</summary>
    /// <param name="key">The key.</param>
    /// <param name="json">The value in JSON.</param>
    internal ModelConfig With(string key, string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return With([new(key, document.RootElement.Clone())]);
    }

    private static JsonElement? Descend(JsonElement element, string[] names)
    {
        foreach (string name in names)
        {
            if (!element.TryGetProperty(name, out element) || element.ValueKind != JsonValueKind.Object)
                return null;
        }
        return element;
    }

    private static string? ArchitectureOf(JsonElement element) =>
        element.TryGetProperty("architectures", out JsonElement names) && names is { ValueKind: JsonValueKind.Array } && names.GetArrayLength() > 0
        && names[0].ValueKind == JsonValueKind.String
            ? names[0].GetString()
            : null;

    // Mamba models older than transformers' support name their layer.
    private static string? ArchitectureOfMamba(JsonElement root)
    {
        if (!root.TryGetProperty("ssm_cfg", out JsonElement ssm) || ssm.ValueKind != JsonValueKind.Object)
            return null;
        string layer = ssm.TryGetProperty("layer", out JsonElement name) && name.ValueKind == JsonValueKind.String ? name.GetString()! : "Mamba";
        return $"{layer}ForCausalLM";
    }
}

using System.Text.Json;
using System.Text.RegularExpressions;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace.Architectures;

namespace GgufQuant.HuggingFace.Metadata;

/// <summary>The <c>general.*</c> keys: what the user, the model card, the configuration and the folder's name say about a model.</summary>
/// <remarks>gguf-py's <c>Metadata</c>.</remarks>
internal sealed partial class GeneralKeys
{
    // In the order in which they are written.
    private static readonly string[] s_texts = ["author", "version", "organization", "finetune", "basename", "description", "quantized_by", "size_label"];
    private static readonly string[] s_origins = ["url", "doi", "uuid", "repo_url"];
    private static readonly string[] s_entryFields = ["name", "author", "version", "organization", "description", "url", "doi", "uuid", "repo_url"];

    private static readonly (string Key, string Source, bool IsInteger)[] s_sampling =
    [
        ("sequence", "sequence", false), ("top_k", "top_k", true), ("top_p", "top_p", false), ("min_p", "min_p", false),
        ("xtc_probability", "xtc_probability", false), ("xtc_threshold", "xtc_threshold", false), ("temp", "temperature", false),
        ("penalty_last_n", "penalty_last_n", true), ("penalty_repeat", "penalty_repeat", false),
        ("mirostat", "mirostat", true), ("mirostat_tau", "mirostat_tau", false), ("mirostat_eta", "mirostat_eta", false),
    ];

    private readonly ModelFolder _folder;
    private readonly ModelCard _card;
    private readonly JsonElement? _overrides;
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly long _parameters;

    /// <summary>Collects the general metadata of a model.</summary>
    /// <param name="folder">The model.</param>
    /// <param name="overrides">Keys and values that override all others, from a file that the user gave; null for none.</param>
    /// <param name="modelName">A name that overrides all others; null for none.</param>
    /// <param name="size">The model's size.</param>
    /// <param name="warnings">Receives a sentence for each thing that cannot be read.</param>
    public GeneralKeys(ModelFolder folder, JsonElement? overrides, string? modelName, SizeLabel size, List<string> warnings)
    {
        _folder = folder;
        _overrides = overrides is { ValueKind: JsonValueKind.Object } ? overrides : null;
        _card = ModelCard.Read(folder, warnings);
        _parameters = size.Total;
        ReadCard();
        if (folder.Config.Root.TryGetProperty("_name_or_path", out JsonElement path) && path.ValueKind == JsonValueKind.String && path.GetString()!.Count(letter => letter == '/') <= 1)
            ReadId(path.GetString()!);
        ReadId(folder.Name);
        ReadOverrides();
        if (modelName is not null)
            _values["name"] = modelName;
        if (size.Total > 0)
            _values.TryAdd("size_label", size.ToString());
    }

    /// <summary>The name that the converter would give the file, without the extension.</summary>
    /// <param name="type">The type's name; null for a file with the vocabulary only.</param>
    /// <remarks>gguf-py's <c>naming_convention</c>.</remarks>
    public string FileName(string? type)
    {
        string Part(string key, bool isLeftOut = false) => !isLeftOut && _values.TryGetValue(key, out string? value) ? $"-{value.Trim().Replace(' ', '-')}" : "";
        string name = (_values.TryGetValue("basename", out string? family) ? family : _values["name"]).Trim().Replace(' ', '-').Replace('/', '-');
        return $"{name}{Part("size_label", isLeftOut: type is null)}{Part("finetune")}{Part("version")}{(type is null ? "-vocab" : $"-{type.ToUpperInvariant()}")}";
    }

    /// <summary>Writes the keys.</summary>
    public void Write(KeyWriter keys)
    {
        WriteSampling(keys);
        WriteText(keys, "name", GgufKeys.Name);
        foreach (string key in s_texts)
            WriteText(keys, key, $"general.{key}");
        WriteText(keys, "license", "general.license");
        WriteText(keys, "license_name", "general.license.name");
        WriteText(keys, "license_link", "general.license.link");
        foreach (string key in s_origins)
            WriteText(keys, $"own.{key}", $"general.{key}");
        foreach (string key in s_origins)
            WriteText(keys, $"source.{key}", $"general.source.{key}");
        WriteEntries(keys, "base_model", OverriddenEntries("general.base_models") ?? Entries(_card.Entries("base_model", "base_models", "base_model_sources")));
        WriteEntries(keys, "dataset", OverriddenEntries("general.datasets") ?? Entries(_card.Entries("datasets", "dataset", "dataset_sources")));
        WriteTexts(keys, "general.tags", _card.Texts("tags", "pipeline_tag"));
        WriteTexts(keys, "general.languages", _card.Texts("languages", "language"));
    }

    private void ReadCard()
    {
        foreach (string prefix in (string[])["", "model_"])
        {
            Set("name", _card.Text($"{prefix}name"));
            foreach (string key in (string[])["author", "version", "organization", "description", "finetune", "basename", "size_label"])
                Set(key, _card.Text(prefix + key));
            foreach (string key in s_origins)
                Set($"source.{key}", _card.Text(prefix + key));
        }
        Set("author", _card.Text("model_creator"));
        Set("basename", _card.Text("model_type"));
        foreach (string key in (string[])["license", "license_name", "license_link"])
            Set(key, _card.Text(key));
    }

    private void ReadId(string id)
    {
        ModelId parts = ModelId.Parse(id, _parameters);
        Set("name", ModelId.ToTitle(parts.Name));
        Set("organization", parts.Organization is { } organization ? ModelId.ToTitle(organization) : null);
        Set("basename", parts.BaseName);
        Set("finetune", parts.FineTune);
        Set("version", parts.Version);
        Set("size_label", parts.SizeLabel);
    }

    private void ReadOverrides()
    {
        Override("name", GgufKeys.Name);
        foreach (string key in s_texts)
            Override(key, $"general.{key}");
        Override("license_name", "general.license.name");
        Override("license_link", "general.license.link");
        foreach (string key in s_origins)
        {
            Override($"own.{key}", $"general.{key}");
            Override($"source.{key}", $"general.source.{key}");
        }
    }

    private void Set(string key, string? value)
    {
        if (value is not null)
            _values.TryAdd(key, value);
    }

    private void Override(string key, string name)
    {
        if (Overridden(name) is { ValueKind: JsonValueKind.String } value)
            _values[key] = value.GetString()!;
    }

    private JsonElement? Overridden(string name) => _overrides is { } overrides && overrides.TryGetProperty(name, out JsonElement value) ? value : null;

    private void WriteText(KeyWriter keys, string key, string name)
    {
        if (_values.TryGetValue(key, out string? value))
            keys.AddGeneral(name, value);
    }

    private void WriteTexts(KeyWriter keys, string name, string[]? texts)
    {
        if (Overridden(name) is { ValueKind: JsonValueKind.Array } given)
            texts = [.. given.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!)];
        if (texts is not null)
            keys.AddGeneral(name, texts);
    }

    private void WriteSampling(KeyWriter keys)
    {
        JsonElement? generation = ReadGeneration();
        foreach ((string key, string source, bool isInteger) in s_sampling)
        {
            JsonElement? value = Overridden($"general.sampling.{key}")
                ?? (generation is { ValueKind: JsonValueKind.Object } config && config.TryGetProperty(source, out JsonElement found) ? found : null);
            if (value is { ValueKind: JsonValueKind.String } text)
                keys.AddGeneral($"general.sampling.{key}", text.GetString()!);
            else if (value is { ValueKind: JsonValueKind.Number } number)
                keys.AddGeneral($"general.sampling.{key}", isInteger ? (object)(int)keys.Context.ToInt64(number, source) : (float)number.GetDouble());
        }
    }

    // Many models have a generation_config.json that is not valid JSON.
    private JsonElement? ReadGeneration()
    {
        try
        {
            return _folder.ReadJson("generation_config.json");
        }
        catch (ModelFolderException)
        {
            return null;
        }
    }

    private List<Dictionary<string, string>>? OverriddenEntries(string name) =>
        Overridden(name) is { ValueKind: JsonValueKind.Array } given
            ? [.. given.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.Object).Select(item => item.EnumerateObject()
                .Where(property => property.Value.ValueKind == JsonValueKind.String)
                .ToDictionary(property => property.Name, property => property.Value.GetString()!, StringComparer.Ordinal))]
            : null;

    private List<Dictionary<string, string>>? Entries(IReadOnlyList<object>? entries) => entries is null ? null : [.. entries.Select(Entry)];

    private Dictionary<string, string> Entry(object entry)
    {
        Dictionary<string, string> fields = new(StringComparer.Ordinal);
        if (entry is IReadOnlyDictionary<string, object?> mapping)
        {
            foreach ((string key, object? value) in mapping)
            {
                if (value is string text)
                    fields[key] = text;
            }
        }
        else if (entry is string id && Link().IsMatch(id))
        {
            fields["repo_url"] = id;
            if (HubLink().Match(id) is { Success: true } match)
                AddParts(fields, ModelId.Parse(match.Groups["id"].Value, _parameters));
        }
        else if (entry is string name)
        {
            ModelId parts = ModelId.Parse(name, _parameters);
            AddParts(fields, parts);
            if (parts.Organization is not null)
                fields["repo_url"] = $"https://huggingface.co/{parts.Organization}/{parts.Name}";
        }
        return fields;
    }

    private static void AddParts(Dictionary<string, string> fields, ModelId parts)
    {
        fields["name"] = ModelId.ToTitle(parts.Name);
        if (parts.Organization is not null)
            fields["organization"] = ModelId.ToTitle(parts.Organization);
        if (parts.Version is not null)
            fields["version"] = parts.Version;
    }

    private static void WriteEntries(KeyWriter keys, string kind, List<Dictionary<string, string>>? entries)
    {
        if (entries is null)
            return;
        keys.AddGeneral($"general.{kind}.count", (uint)entries.Count);
        for (int i = 0; i < entries.Count; i++)
        {
            foreach (string field in s_entryFields)
            {
                if (entries[i].TryGetValue(field, out string? value))
                    keys.AddGeneral($"general.{kind}.{i}.{field}", value);
            }
        }
    }

    [GeneratedRegex(@"^(https?|ssh)://", RegexOptions.CultureInvariant)]
    private static partial Regex Link();

    [GeneratedRegex(@"^https?://huggingface.co/(?<id>[^/]+/[^/]+)$", RegexOptions.CultureInvariant)]
    private static partial Regex HubLink();
}

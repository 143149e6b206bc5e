using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>Finds a model's chat templates and writes them.</summary>
/// <remarks>gguf-py's <c>SpecialVocab._try_load_from_tokenizer_json</c> and <c>GGUFWriter.add_chat_template</c>.</remarks>
internal sealed class ChatTemplates
{
    private const string TemplateName = "chat_template.jinja";
    private const string AdditionalFolder = "additional_chat_templates";
    private const string DefaultName = "default";

    private readonly List<(string Name, string Template)> _templates = [];

    /// <summary>The templates of tokenizer_config.json if it has the key, even with a null; otherwise those in separate files.</summary>
    public static ChatTemplates Find(ModelFolder folder, JsonElement tokenizerConfig, ICollection<string> warnings)
    {
        ChatTemplates templates = new();
        if (tokenizerConfig.TryGetProperty("chat_template", out JsonElement own))
            templates.Read(own, warnings);
        else if (folder.Contains(TemplateName))
            templates.ReadFiles(folder);
        else if (folder.ReadJson("chat_template.json")?.Property("chat_template") is { } separate)
            templates.Read(separate, warnings);
        return templates;
    }

    public void AddTo(KeyList keys)
    {
        SortedSet<string> names = new(StringComparer.Ordinal);
        string? template = null;
        foreach ((string name, string text) in _templates)
        {
            if (name == DefaultName)
            {
                template = text;
                continue;
            }
            names.Add(name);
            keys.Set(TokenizerKeys.ChatTemplateNamed(name), text);
        }
        // The converter writes the names from a Python set, whose order differs from run to run.
        keys.Set(TokenizerKeys.ChatTemplates, names.ToArray());
        if (template is not null)
            keys.Set(TokenizerKeys.ChatTemplate, template);
    }

    private void Read(JsonElement value, ICollection<string> warnings)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Null:
                break;
            case JsonValueKind.String:
                _templates.Add((DefaultName, value.GetString()!));
                break;
            case JsonValueKind.Array:
                foreach (JsonElement choice in value.EnumerateArray())
                {
                    if (choice.Text("name") is { Length: > 0 } name && choice.Text("template") is { } template)
                        _templates.Add((Restricted(name), template));
                }
                break;
            default:
                warnings.Add("The chat template is neither a string nor a list of strings, so it is left out.");
                break;
        }
    }

    private void ReadFiles(ModelFolder folder)
    {
        _templates.Add((DefaultName, Lines(folder.ReadText(TemplateName)!)));
        if (!Directory.Exists(folder.PathOf(AdditionalFolder)))
            return;
        foreach (string file in Directory.EnumerateFiles(folder.PathOf(AdditionalFolder), "*.jinja").Order(StringComparer.Ordinal))
        {
            if (folder.ReadText(Path.Combine(AdditionalFolder, Path.GetFileName(file))) is { } text)
                _templates.Add((Restricted(Path.GetFileNameWithoutExtension(file)), Lines(text)));
        }
    }

    private static string Restricted(string name) => string.Concat(name.EnumerateRunes().Select(rune => rune.IsAscii && char.IsAsciiLetterOrDigit((char)rune.Value) ? (char)rune.Value : '_'));

    // Python reads every line ending as a line feed.
    private static string Lines(string text) => text.Replace("\r\n", "\n").Replace('\r', '\n');
}

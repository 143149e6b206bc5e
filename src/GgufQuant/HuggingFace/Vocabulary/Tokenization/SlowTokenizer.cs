using System.Buffers;
using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>Converts vocab.json and merges.txt to a tokenizer.json, as transformers does.</summary>
/// <remarks>
/// transformers' <c>convert_slow_tokenizer</c>, <c>GPT2Converter</c> and <c>Qwen2Converter</c>: what the files lack, such as how
/// text is split, comes from the class that tokenizer_config.json or the model type names.
/// </remarks>
internal static class SlowTokenizer
{
    public const string VocabularyName = "vocab.json";

    private const string MergesName = "merges.txt";
    private const string AddedTokensName = "added_tokens.json";
    private const string PatternOfQwen2 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Whether a folder has the files.</summary>
    public static bool IsIn(ModelFolder folder) => folder.Contains(VocabularyName) && folder.Contains(MergesName);

    /// <summary>Reads the files.</summary>
    /// <exception cref="ModelFolderException">They are not valid, or their class is unknown.</exception>
    public static JsonElement Read(TokenizerFiles files)
    {
        ModelFolder folder = files.Folder;
        JsonElement vocabulary = folder.ReadJson(VocabularyName) is { ValueKind: JsonValueKind.Object } read
            ? read
            : throw new ModelFolderException(folder.PathOf(VocabularyName), "the file is not a JSON object of tokens and their numbers");
        string name = ClassOf(files);
        bool isQwen2 = name == "Qwen2Tokenizer";
        if (!isQwen2 && name is not ("GPT2Tokenizer" or "CodeGenTokenizer"))
            throw new ModelFolderException(folder.PathOf(VocabularyName), $"without {files.TokenizerPath}, only the vocabularies of the classes GPT2Tokenizer, CodeGenTokenizer and Qwen2Tokenizer can be read, and this one is '{name}': add a tokenizer.json, which transformers writes with save_pretrained");

        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("added_tokens");
            WriteAddedTokens(writer, files);
            writer.WriteEndArray();
            if (isQwen2)
                WriteType(writer, "normalizer", "NFC");
            WritePreTokenizer(writer, isQwen2);
            if (!isQwen2 && files.TokenizerConfig?.Flag("add_bos_token") == true)
                WriteBeginning(writer, files, vocabulary);
            WriteType(writer, "decoder", "ByteLevel");
            writer.WriteStartObject("model");
            writer.WriteString("type", "BPE");
            writer.WritePropertyName("vocab");
            vocabulary.WriteTo(writer);
            writer.WriteStartArray("merges");
            foreach (string merge in Merges(folder.ReadText(MergesName) ?? "", isQwen2))
                writer.WriteStringValue(merge);
            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        using JsonDocument document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    private static string ClassOf(TokenizerFiles files)
    {
        string type = files.Folder.Config.ModelType;
        string name = files.TokenizerConfig?.Text("tokenizer_class") ?? type switch
        {
            _ when type.StartsWith("qwen2", StringComparison.Ordinal) || type.StartsWith("qwen3", StringComparison.Ordinal) => "Qwen2Tokenizer",
            "phi" or "codegen" => "CodeGenTokenizer",
            "gpt2" or "starcoder2" or "granite" or "granitemoe" or "granitemoehybrid" or "granitemoeshared" or "exaone4" => "GPT2Tokenizer",
            _ => type,
        };
        return name.EndsWith("Fast", StringComparison.Ordinal) ? name[..^"Fast".Length] : name;
    }

    // Since transformers 4.34, tokenizer_config.json has them as well and takes precedence.
    private static void WriteAddedTokens(Utf8JsonWriter writer, TokenizerFiles files)
    {
        if (files.TokenizerConfig?.Property("added_tokens_decoder") is not null || files.Folder.ReadJson(AddedTokensName) is not { ValueKind: JsonValueKind.Object } added)
            return;
        HashSet<string> special = [.. TokenizerClass.SpecialNames.Select(name => TextOf(files.TokenizerConfig?.Property(name)) ?? "")];
        special.UnionWith(files.TokenizerConfig?.Items("additional_special_tokens").Select(token => TextOf(token) ?? "") ?? []);
        foreach (JsonProperty token in added.EnumerateObject().OrderBy(token => token.Value.AsInteger()))
        {
            bool isSpecial = special.Contains(token.Name);
            writer.WriteStartObject();
            writer.WriteNumber("id", token.Value.AsInteger() ?? throw new ModelFolderException(files.Folder.PathOf(AddedTokensName), $"the id of the added token '{token.Name}' is not a number"));
            writer.WriteString("content", token.Name);
            writer.WriteBoolean("special", isSpecial);
            writer.WriteBoolean("normalized", !isSpecial);
            writer.WriteEndObject();
        }
    }

    private static void WritePreTokenizer(Utf8JsonWriter writer, bool isQwen2)
    {
        if (!isQwen2)
        {
            WriteType(writer, "pre_tokenizer", "ByteLevel");
            return;
        }
        writer.WriteStartObject("pre_tokenizer");
        writer.WriteString("type", "Sequence");
        writer.WriteStartArray("pretokenizers");
        writer.WriteStartObject();
        writer.WriteString("type", "Split");
        writer.WriteStartObject("pattern");
        writer.WriteString("Regex", PatternOfQwen2);
        writer.WriteEndObject();
        writer.WriteString("behavior", "Isolated");
        writer.WriteBoolean("invert", false);
        writer.WriteEndObject();
        writer.WriteStartObject();
        writer.WriteString("type", "ByteLevel");
        writer.WriteBoolean("add_prefix_space", false);
        writer.WriteBoolean("use_regex", false);
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteBeginning(Utf8JsonWriter writer, TokenizerFiles files, JsonElement vocabulary)
    {
        string bos = TextOf(files.TokenizerConfig?.Property("bos_token")) ?? "<|endoftext|>";
        if (vocabulary.Integer(bos) is not { } id)
            throw new ModelFolderException(files.Folder.PathOf(VocabularyName), $"the tokenizer should add the token '{bos}', but the vocabulary has none");
        writer.WriteStartObject("post_processor");
        writer.WriteString("type", "TemplateProcessing");
        writer.WriteStartArray("single");
        WriteNamed(writer, "SpecialToken", bos);
        WriteNamed(writer, "Sequence", "A");
        writer.WriteEndArray();
        writer.WriteStartObject("special_tokens");
        writer.WriteStartObject(bos);
        writer.WriteStartArray("ids");
        writer.WriteNumberValue(id);
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteNamed(Utf8JsonWriter writer, string kind, string id)
    {
        writer.WriteStartObject();
        writer.WriteStartObject(kind);
        writer.WriteString("id", id);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteType(Utf8JsonWriter writer, string name, string type)
    {
        writer.WriteStartObject(name);
        writer.WriteString("type", type);
        writer.WriteEndObject();
    }

    // GPT-2's class always skips the first line, Qwen2's only a version line.
    private static IEnumerable<string> Merges(string text, bool isQwen2)
    {
        string[] lines = text.Split('\n');
        bool hasHeader = !isQwen2 || lines[0].StartsWith("#version:", StringComparison.Ordinal);
        foreach (string line in lines.Skip(hasHeader ? 1 : 0))
        {
            string[] parts = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length > 0)
                yield return string.Join(' ', parts);
        }
    }

    private static string? TextOf(JsonElement? token) => token?.AsText() ?? token?.Text("content");
}

using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>The rules by which well-known tokenizers split text, for guessing the pre-tokenizer of an unknown one.</summary>
internal static class PreTokenizerRules
{
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Rest = @" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string RestWithSlash = @" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Upper = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    private const string Lower = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";

    private static readonly Dictionary<string, string> s_names = new(StringComparer.Ordinal)
    {
        [$@"Split({Contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{Rest})"] = "llama-bpe",
        [$@"NFC+Split({Contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{Rest})"] = "qwen2",
        [$@"NFC+Split({Contractions}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"] = "qwen35",
        [$@"Split({Contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{Rest})"] = "stablelm2",
        [$@"Split({Upper}*{Lower}+{Contractions}?|{Upper}+{Lower}*{Contractions}?|\p{{N}}{{1,3}}|{RestWithSlash})"] = "gpt-4o",
        [$@"Split({Upper}*{Lower}+|{Upper}+{Lower}*|\p{{N}}|{RestWithSlash})"] = "tekken",
        [@"Split(\p{N}{1,3})+Split([一-龥぀-ゟ゠-ヿ]+)+Split([!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"] = "deepseek-v3",
        ["ByteLevel"] = "gpt-2",
        ["NFC+ByteLevel"] = "olmo",
        ["Digits+ByteLevel"] = "starcoder",
        ["BertNormalizer+BertPreTokenizer"] = "bert-bge",
    };

    /// <summary>The name of a well-known pre-tokenizer that splits in the same way; null if there is none.</summary>
    public static string? FindName(JsonElement tokenizer)
    {
        IEnumerable<string> rules =
        [
            .. Steps(tokenizer.Property("normalizer"), "normalizers", normalizer => normalizer.Text("type") ?? ""),
            .. Steps(tokenizer.Property("pre_tokenizer"), "pretokenizers", Rule),
        ];
        return s_names.GetValueOrDefault(string.Join('+', rules.Where(rule => rule.Length > 0)));
    }

    private static IEnumerable<string> Steps(JsonElement? part, string listName, Func<JsonElement, string> describe) => part is not { } present
        ? []
        : present.Text("type") == "Sequence" ? present.Items(listName).SelectMany(step => Steps(step, listName, describe)) : [describe(present)];

    // ByteLevel without a pattern only maps bytes to letters, as all of them do.
    private static string Rule(JsonElement preTokenizer) => preTokenizer.Text("type") switch
    {
        "Split" => $"Split({preTokenizer.Property("pattern")?.Text("Regex")})",
        "ByteLevel" when !(preTokenizer.Flag("use_regex") ?? true) => "",
        string type => type,
        null => "",
    };
}

using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>Adds special tokens around those of a text.</summary>
internal static class PostProcessor
{
    /// <param name="processor">The object of tokenizer.json; null for none.</param>
    /// <param name="ids">The text's tokens.</param>
    /// <param name="parts">Counts the parts of the tokenizer.</param>
    /// <exception cref="UnsupportedTokenizerException">A part is unknown or lacks its tokens.</exception>
    public static List<int> Apply(JsonElement? processor, List<int> ids, PartCount parts)
    {
        if (processor is not { } present)
            return ids;
        parts.Add();
        switch (present.Text("type"))
        {
            case "ByteLevel":
                return ids;
            case "Sequence":
                foreach (JsonElement part in present.Items("processors"))
                    ids = Apply(part, ids, parts);
                return ids;
            case "BertProcessing" or "RobertaProcessing":
                return [IdOf(present, "cls"), .. ids, IdOf(present, "sep")];
            case "TemplateProcessing":
                return [.. present.Items("single").SelectMany(piece => Fill(present, piece, ids))];
            case string type:
                throw new UnsupportedTokenizerException($"its post-processor has the unknown type '{type}'");
            default:
                throw new UnsupportedTokenizerException("its post-processor has no type");
        }
    }

    private static IEnumerable<int> Fill(JsonElement processor, JsonElement piece, List<int> ids)
    {
        if (piece.Property("Sequence") is not null)
            return ids;
        string? name = piece.Property("SpecialToken")?.Text("id");
        JsonElement? token = name is null ? null : processor.Property("special_tokens")?.Property(name);
        int?[] own = [.. token?.Items("ids").Select(id => id.AsInteger()) ?? []];
        return own.Length > 0 && !own.Contains(null)
            ? own.Select(id => id!.Value)
            : throw new UnsupportedTokenizerException($"its post-processor has a token '{name}' without ids");
    }

    private static int IdOf(JsonElement processor, string name) =>
        processor.Items(name).ElementAtOrDefault(1).AsInteger() ?? throw new UnsupportedTokenizerException($"its post-processor has no '{name}' token");
}

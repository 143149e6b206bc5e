using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>The merges of a BPE model in tokenizer.json, in GGUF's form: two parts separated by a space.</summary>
internal static class Merges
{
    private const char EncodedSpace = 'Ġ';

    /// <summary>Reads merges in either form, strings or pairs; empty if there are none.</summary>
    /// <exception cref="ModelFolderException">A merge has neither form.</exception>
    public static string[] Read(string path, JsonElement tokenizer)
    {
        if (tokenizer.Property("model")?.Property("merges") is not { ValueKind: JsonValueKind.Array } merges)
            return [];
        string[] texts = new string[merges.GetArrayLength()];
        int count = 0;
        foreach (JsonElement merge in merges.EnumerateArray())
        {
            texts[count] = merge.ValueKind == JsonValueKind.String ? merge.GetString()! : Joined(merge)
                ?? throw new ModelFolderException(path, $"merge {count} is neither a string nor a pair of strings");
            count++;
        }
        return texts;
    }

    // A space within a part would look like the separator, so it is encoded as in byte-level BPE.
    private static string? Joined(JsonElement pair)
    {
        if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2 || pair[0].AsText() is not { } left || pair[1].AsText() is not { } right)
            return null;
        return $"{left.Replace(' ', EncodedSpace)} {right.Replace(' ', EncodedSpace)}";
    }
}

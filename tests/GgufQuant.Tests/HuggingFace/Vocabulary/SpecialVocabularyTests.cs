using System.Text.Json;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace.Vocabulary;

public sealed class SpecialVocabularyTests
{
    private static readonly string s_cases = Repository.PathOf(
        "tests", "GgufQuant.Tests", "HuggingFace", "golden", "special-vocabularies.json");

    /// <summary>Tokenizer files with everything that decides special tokens in every combination, and what gguf-py's SpecialVocab makes of them.</summary>
    [Fact]
    public void Keys_and_their_places_are_gguf_pys()
    {
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllBytes(s_cases));
        Assert.Equal(100, cases.RootElement.GetArrayLength());
        foreach (JsonElement one in cases.RootElement.EnumerateArray())
        {
            using TemporaryModel model = new();
            foreach (JsonProperty file in one.GetProperty("files").EnumerateObject())
                model.Write(file.Name, file.Value.GetString()!);
            using ModelFolder folder = model.Open();
            KeyList keys = new();
            new SpecialVocabulary(
                new TokenizerFiles(folder), [], one.GetProperty("merges").GetBoolean(), one.Integer("count"),
                one.Property("types")?.EnumerateArray().Select(type => type.GetString()!).ToArray()).AddTo(keys);
            Assert.Equal(one.GetProperty("expected").EnumerateArray().Select(pair => $"{pair[0]} {Text(pair[1])}"), keys.ToEntries().Select(entry => $"{entry.Key} {Text(entry)}"));
        }
    }

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.Array ? string.Join('|', value.EnumerateArray()) : value.ToString();

    private static string Text(GgufEntry entry) => entry.Value is string[] texts ? string.Join('|', texts) : entry.Value.ToString()!;
}

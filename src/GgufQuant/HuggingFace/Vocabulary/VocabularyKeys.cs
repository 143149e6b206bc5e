using GgufQuant.Gguf;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>A vocabulary as a GGUF file holds it.</summary>
/// <param name="Entries">The metadata, in the order of convert_hf_to_gguf.</param>
/// <param name="TokenCount">How many tokens there are, padding included.</param>
/// <param name="Warnings">What was left out or is odd, as sentences.</param>
internal sealed record VocabularyKeys(IReadOnlyList<GgufEntry> Entries, int TokenCount, IReadOnlyList<string> Warnings)
{
    /// <summary>The vocabulary in one line: its model, its pre-tokenizer, and how many tokens there are of each type.</summary>
    public required string Description { get; init; }

    /// <summary>The number of a token; null if there is none with that text.</summary>
    public int? Find(string token) =>
        Entries.First(entry => entry.Key == GgufKeys.Tokens).Value is string[] tokens && Array.IndexOf(tokens, token) is >= 0 and int id ? id : null;
}

using GgufQuant.Gguf;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>The metadata of a vocabulary.</summary>
/// <param name="Entries">The entries, in convert_hf_to_gguf's order.</param>
/// <param name="TokenCount">The number of tokens, padding included; null if the vocabulary could not be read.</param>
/// <param name="Warnings">Sentences about what was left out or looks odd.</param>
internal sealed record VocabularyKeys(IReadOnlyList<GgufEntry> Entries, int? TokenCount, IReadOnlyList<string> Warnings)
{
    /// <summary>A one-line summary: the model, the pre-tokenizer, and the number of tokens of each type; empty if the vocabulary could not be read.</summary>
    public string Description { get; init; } = "";

    /// <summary>Why entries are missing: a <see cref="ModelFolderException"/> or an <see cref="UnknownPreTokenizerException"/>; null if none are.</summary>
    public Exception? Fault { get; init; }

    /// <summary>A token's id by its text; null if there is no such token.</summary>
    /// <exception cref="ModelFolderException">The vocabulary could not be read.</exception>
    public int? Find(string token)
    {
        if (TokenCount is null)
            throw Fault!;
        return Entries.First(entry => entry.Key == GgufKeys.Tokens).Value is string[] tokens && Array.IndexOf(tokens, token) is >= 0 and int id ? id : null;
    }
}

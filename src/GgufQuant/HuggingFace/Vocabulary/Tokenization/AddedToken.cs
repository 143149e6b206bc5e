using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>A token that is matched in a text before the model sees it.</summary>
/// <param name="Content">Its text; never empty.</param>
/// <param name="IsSpecial">Whether it is a control token rather than text.</param>
/// <param name="IsNormalized">Whether it is matched in the normalized text.</param>
/// <param name="IsSingleWord">Whether it matches only as a whole word.</param>
/// <param name="StripsLeft">Whether it absorbs preceding spaces.</param>
/// <param name="StripsRight">Whether it absorbs following spaces.</param>
internal sealed record AddedToken(string Content, bool IsSpecial, bool IsNormalized, bool IsSingleWord = false, bool StripsLeft = false, bool StripsRight = false)
{
    /// <summary>A special token of which only the text is known.</summary>
    public static AddedToken Special(string content) => new(content, IsSpecial: true, IsNormalized: false);

    /// <summary>Reads an object of tokenizer.json or tokenizer_config.json; null if it has no content.</summary>
    public static AddedToken? Read(JsonElement token)
    {
        if (token.Text("content") is not { Length: > 0 } content)
            return null;
        bool isSpecial = token.Flag("special") ?? false;
        return new(
            content, isSpecial, token.Flag("normalized") ?? !isSpecial, token.Flag("single_word") ?? false,
            token.Flag("lstrip") ?? false, token.Flag("rstrip") ?? false);
    }
}

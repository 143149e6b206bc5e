using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>A token that is found in a text before the model sees it.</summary>
/// <param name="Content">Its text; never empty.</param>
/// <param name="IsSpecial">Whether it is no part of what is written or read.</param>
/// <param name="IsNormalized">Whether it is looked for in the normalized text.</param>
/// <param name="IsSingleWord">Whether it matches only as a whole word.</param>
/// <param name="StripsLeft">Whether it takes the spaces before it.</param>
/// <param name="StripsRight">Whether it takes the spaces after it.</param>
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

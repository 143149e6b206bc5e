using System.Globalization;
using System.Text;
using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>Turns one token back into text.</summary>
/// <remarks>
/// The converter decodes only single added tokens, so only what a decoder does to one token matters; decoders that join
/// tokens do nothing.
/// </remarks>
internal static class TokenDecoder
{
    private const string Underscore = "\u2581";

    /// <param name="decoder">The object of tokenizer.json; null for none.</param>
    /// <param name="token">The token.</param>
    /// <param name="parts">Counts the parts of the tokenizer.</param>
    public static string Apply(JsonElement? decoder, string token, PartCount parts)
    {
        if (decoder is not { } present)
            return token;
        parts.Add();
        switch (present.Text("type"))
        {
            case "Sequence":
                return present.Items("decoders").Aggregate(token, (text, part) => Apply(part, text, parts));
            case "ByteLevel":
                return Encoding.UTF8.GetString(ByteAlphabet.Decode(token));
            case "ByteFallback":
                return FromByte(token);
            case "Metaspace":
                return FromMetaspace(present, token);
            case "Replace":
                return Replaced(present, token);
            case "Strip":
                return Stripped(present, token);
            default:
                return token;
        }
    }

    private static string FromByte(string token)
    {
        bool isByte = token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _);
        return isByte ? Encoding.UTF8.GetString([byte.Parse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)]) : token;
    }

    private static string FromMetaspace(JsonElement decoder, string token)
    {
        string replacement = decoder.Text("replacement") ?? Underscore;
        if (replacement.Length == 0)
            return token;
        bool dropsFirst = decoder.Text("prepend_scheme") is { } scheme ? scheme != "never" : decoder.Flag("add_prefix_space") ?? true;
        return (dropsFirst && token.StartsWith(replacement, StringComparison.Ordinal) ? token[replacement.Length..] : token).Replace(replacement, " ", StringComparison.Ordinal);
    }

    private static string Replaced(JsonElement decoder, string token) =>
        decoder.Property("pattern")?.Text("String") is { Length: > 0 } text && decoder.Text("content") is { } content
            ? (long)token.Length * (1 + content.Length) <= 1 << 20 ? token.Replace(text, content, StringComparison.Ordinal) : throw new UnsupportedTokenizerException("its decoder makes a token too long")
            : token;

    private static string Stripped(JsonElement decoder, string token)
    {
        if (decoder.Text("content") is not [char content])
            return token;
        int start = 0;
        int end = token.Length;
        while (start < end && start < decoder.Integer("start") && token[start] == content)
            start++;
        while (end > start && token.Length - end < decoder.Integer("stop") && token[end - 1] == content)
            end--;
        return token[start..end];
    }
}

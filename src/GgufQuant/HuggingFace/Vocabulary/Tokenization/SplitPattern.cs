using System.Text.Json;
using System.Text.RegularExpressions;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>A pattern for splitting or replacing: a regular expression or literal text.</summary>
internal sealed class SplitPattern
{
    private const int MaxPatternLength = 1 << 14;

    // The slowest known pattern takes a few milliseconds for the check text.
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(2);

    private readonly Regex _regex;

    private SplitPattern(Regex regex) => _regex = regex;

    /// <summary>Reads <c>{"Regex": …}</c> or <c>{"String": …}</c>.</summary>
    /// <exception cref="UnsupportedTokenizerException">It is neither, or an expression that cannot be translated to .NET.</exception>
    public static SplitPattern Read(JsonElement pattern)
    {
        if (pattern.AsText() is { } text || (text = pattern.Text("String")) is not null)
            return FromRegex(OnigurumaPattern.Escape(text));
        return pattern.Text("Regex") is { } regex
            ? FromOniguruma(regex)
            : throw new UnsupportedTokenizerException("a pattern is neither a string nor a regular expression");
    }

    /// <param name="regex">A regular expression of the tokenizers library.</param>
    /// <exception cref="UnsupportedTokenizerException">It cannot be translated to .NET.</exception>
    public static SplitPattern FromOniguruma(string regex) => FromRegex(Translated(regex));

    /// <param name="regex">A .NET regular expression for texts of the basic plane.</param>
    public static SplitPattern FromRegex(string regex)
    {
        if (regex.Length == 0)
            throw new UnsupportedTokenizerException("a pattern is empty");
        try
        {
            return new(new Regex(regex, RegexOptions.CultureInvariant | RegexOptions.Multiline, s_timeout));
        }
        catch (ArgumentException exception)
        {
            throw new UnsupportedTokenizerException($"'{Shortened(regex)}' is not a valid regular expression", exception);
        }
    }

    /// <summary>The matches, in units of the original text, without overlaps or empty ones.</summary>
    /// <exception cref="UnsupportedTokenizerException">It takes too long.</exception>
    public IReadOnlyList<(int Start, int End)> Find(string text)
    {
        BasicPlane plane = new(text);
        try
        {
            return
            [
                .. _regex.Matches(plane.Text).Where(match => match.Length > 0)
                    .Select(match => (plane.OffsetOf(match.Index), plane.OffsetOf(match.Index + match.Length))),
            ];
        }
        catch (RegexMatchTimeoutException exception)
        {
            throw new UnsupportedTokenizerException($"the regular expression '{Shortened(_regex.ToString())}' takes more than {s_timeout.TotalSeconds} seconds for a short text", exception);
        }
    }

    private static string Translated(string regex) => regex.Length <= MaxPatternLength
        ? OnigurumaPattern.Translate(regex)
        : throw new UnsupportedTokenizerException($"a regular expression has {regex.Length} characters, but the limit is {MaxPatternLength}");

    private static string Shortened(string regex) => regex.Length <= 60 ? regex : $"{regex[..60]}…";
}

using System.Globalization;
using System.Text;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>A text with one UTF-16 unit per character, for .NET's regular expressions.</summary>
/// <remarks>
/// .NET matches UTF-16 units, so <c>\p{S}</c> misses an emoji and a character class matches half of one. Characters beyond
/// the basic plane are therefore replaced by one of the basic plane with the same general category.
/// </remarks>
internal sealed class BasicPlane
{
    private readonly int[] _offsets;

    public BasicPlane(string text)
    {
        StringBuilder units = new(text.Length);
        List<int> offsets = new(text.Length + 1);
        int offset = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            units.Append(rune.IsBmp ? (char)rune.Value : StandIn(rune));
            offsets.Add(offset);
            offset += rune.Utf16SequenceLength;
        }
        offsets.Add(offset);
        Text = units.ToString();
        _offsets = [.. offsets];
    }

    public string Text { get; }

    /// <summary>Where in the original text a unit starts.</summary>
    public int OffsetOf(int unit) => _offsets[unit];

    private static char StandIn(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter => '\u0460',
        UnicodeCategory.LowercaseLetter => '\u0461',
        UnicodeCategory.ModifierLetter => '\uA015',
        UnicodeCategory.OtherLetter => rune.Value is >= 0x20000 and <= 0x323AF ? '\u3400' : '\uA000',
        UnicodeCategory.NonSpacingMark => '\u0483',
        UnicodeCategory.SpacingCombiningMark => '\u0903',
        UnicodeCategory.EnclosingMark => '\u0488',
        UnicodeCategory.DecimalDigitNumber => '\u0966',
        UnicodeCategory.LetterNumber => '\u16EE',
        UnicodeCategory.OtherNumber => '\u2460',
        UnicodeCategory.MathSymbol => '\u2200',
        UnicodeCategory.CurrencySymbol => '\u20A0',
        UnicodeCategory.ModifierSymbol => '\uA700',
        UnicodeCategory.OtherSymbol => '\u2603',
        UnicodeCategory.ConnectorPunctuation => '\u203F',
        UnicodeCategory.DashPunctuation => '\u2E17',
        UnicodeCategory.OtherPunctuation => '\u203B',
        UnicodeCategory.Format => '\u2060',
        UnicodeCategory.PrivateUse => '\uE000',
        _ => '\u0378',
    };
}

using System.Globalization;
using System.Text;

namespace GgufQuant.IO;

/// <summary>Text from files as a terminal may show it.</summary>
public static class PrintableText
{
    /// <summary>Spells out what a terminal would obey instead of showing: control characters, and those that reverse or hide text.</summary>
    /// <returns>The same text where there is none; otherwise <c>\u001B</c> and the like in its place.</returns>
    public static string Escape(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.Any(IsObeyed))
            return text;
        StringBuilder escaped = new(text.Length + 16);
        foreach (char character in text)
        {
            if (IsObeyed(character))
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:X4}");
            else
                escaped.Append(character);
        }
        return escaped.ToString();
    }

    private static bool IsObeyed(char character) =>
        char.GetUnicodeCategory(character) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}

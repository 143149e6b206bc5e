namespace GgufQuant.HuggingFace;

/// <summary>JSON as Python's <c>json</c> module writes it, with numbers that the standard has no words for.</summary>
internal static class PythonJson
{
    /// <summary>Whether a text has such a number, or a string with the same letters.</summary>
    internal static bool MayHaveOwnNumbers(ReadOnlySpan<byte> json) => json.IndexOf("NaN"u8) >= 0 || json.IndexOf("Infinity"u8) >= 0;

    /// <summary>The same text in standard JSON: <c>NaN</c> becomes null, <c>Infinity</c> a number too large for a double.</summary>
    internal static byte[] Standardize(ReadOnlySpan<byte> json)
    {
        List<byte> standard = new(json.Length);
        bool isInString = false;
        for (int i = 0; i < json.Length; i++)
        {
            byte character = json[i];
            if (isInString && character == '\\' && i + 1 < json.Length)
            {
                standard.Add(character);
                character = json[++i];
            }
            else if (character == '"')
            {
                isInString = !isInString;
            }
            else if (!isInString && json[i..].StartsWith("NaN"u8))
            {
                standard.AddRange("null"u8);
                i += 2;
                continue;
            }
            else if (!isInString && json[i..].StartsWith("Infinity"u8))
            {
                standard.AddRange("1e999"u8);
                i += 7;
                continue;
            }
            standard.Add(character);
        }
        return [.. standard];
    }
}

namespace GgufQuant.HuggingFace;

/// <summary>JSON as Python's <c>json</c> module writes it, with numbers that the standard does not have.</summary>
internal static class PythonJson
{
    /// <summary>Whether a text contains such a number, or a string with the same letters.</summary>
    internal static bool MayHaveOwnNumbers(ReadOnlySpan<byte> json) => json.IndexOf("NaN"u8) >= 0 || json.IndexOf("Infinity"u8) >= 0;

    /// <summary>The same text in standard JSON: <c>NaN</c> becomes null, <c>Infinity</c> a number too large for a double.</summary>
    internal static ReadOnlyMemory<byte> Standardize(ReadOnlySpan<byte> json)
    {
        // Only null is longer than what it replaces.
        byte[] standard = new byte[json.Length + json.Count("NaN"u8)];
        int length = 0;
        bool isInString = false;
        for (int i = 0; i < json.Length; i++)
        {
            byte character = json[i];
            if (isInString && character == '\\' && i + 1 < json.Length)
            {
                standard[length++] = character;
                character = json[++i];
            }
            else if (character == '"')
            {
                isInString = !isInString;
            }
            else if (!isInString && json[i..].StartsWith("NaN"u8))
            {
                Append("null"u8, standard, ref length);
                i += 2;
                continue;
            }
            else if (!isInString && json[i..].StartsWith("Infinity"u8))
            {
                Append("1e999"u8, standard, ref length);
                i += 7;
                continue;
            }
            standard[length++] = character;
        }
        return standard.AsMemory(0, length);
    }

    private static void Append(ReadOnlySpan<byte> text, byte[] standard, ref int length)
    {
        text.CopyTo(standard.AsSpan(length));
        length += text.Length;
    }
}

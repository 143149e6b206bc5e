using System.Text;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>The letters that represent bytes in byte-level BPE; GPT-2's <c>bytes_to_unicode</c>.</summary>
internal static class ByteAlphabet
{
    private static readonly char[] s_letters = MakeLetters();
    private static readonly Dictionary<char, byte> s_bytes = s_letters.Select((letter, value) => (letter, value)).ToDictionary(pair => pair.letter, pair => (byte)pair.value);

    /// <summary>Each byte of a text's UTF-8 as a letter.</summary>
    public static string Encode(string text) => Encode(Encoding.UTF8.GetBytes(text));

    /// <summary>Each byte as a letter.</summary>
    public static string Encode(byte[] bytes) => string.Concat(bytes.Select(value => s_letters[value]));

    /// <summary>The bytes that a token represents; its UTF-8 if any letter represents no byte.</summary>
    public static byte[] Decode(string token)
    {
        byte[] bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            if (!s_bytes.TryGetValue(token[i], out bytes[i]))
                return Encoding.UTF8.GetBytes(token);
        }
        return bytes;
    }

    // Printable characters of Latin-1 stand for themselves, all others for letters from U+0100 on.
    private static char[] MakeLetters()
    {
        char[] letters = new char[256];
        char next = '\u0100';
        for (int value = 0; value < letters.Length; value++)
            letters[value] = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)value : next++;
        return letters;
    }
}

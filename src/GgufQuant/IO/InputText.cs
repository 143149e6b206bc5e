using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace GgufQuant.IO;

/// <summary>A text file, read so that its encoding and line endings do not affect the result.</summary>
/// <remarks>
/// UTF-8 with line feeds is taken as it is. UTF-16 and UTF-32 are known by their byte order mark, which is left out like that of UTF-8,
/// and Windows line endings become line feeds. <see cref="Changes"/> says so.
/// </remarks>
public sealed class InputText
{
    private const int MaxBytes = 1 << 30;

    private static readonly (byte[] Mark, Encoding Encoding, string Name)[] s_encodings =
    [
        // Before UTF-16, whose mark it begins with.
        ([0xFF, 0xFE, 0, 0], new UTF32Encoding(bigEndian: false, byteOrderMark: false), "UTF-32"),
        ([0, 0, 0xFE, 0xFF], new UTF32Encoding(bigEndian: true, byteOrderMark: false), "UTF-32"),
        ([0xFF, 0xFE], new UnicodeEncoding(bigEndian: false, byteOrderMark: false), "UTF-16"),
        ([0xFE, 0xFF], new UnicodeEncoding(bigEndian: true, byteOrderMark: false), "UTF-16"),
    ];

    private InputText(string text, IReadOnlyList<string> changes, int invalidBytes)
    {
        Text = text;
        Changes = changes;
        InvalidBytes = invalidBytes;
    }

    /// <summary>The text.</summary>
    public string Text { get; }

    /// <summary>How it differs from the file's bytes, in clauses such as <c>its byte order mark is left out</c>; empty if it does not.</summary>
    public IReadOnlyList<string> Changes { get; }

    /// <summary>Bytes that are not UTF-8, each replaced by U+FFFD or a part of what is.</summary>
    public int InvalidBytes { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="IOException">It has more than 1 GiB, is missing, is not a regular file, or cannot be read.</exception>
    public static InputText Read(string path) => Decode(RegularFile.ReadAllBytes(path, MaxBytes));

    /// <summary>Reads a file's bytes.</summary>
    internal static InputText Decode(ReadOnlySpan<byte> bytes)
    {
        List<string> changes = [];
        string text = Decode(bytes, changes, out int invalid);
        if (text.Contains('\0', StringComparison.Ordinal))
            changes.Add("it contains NUL characters, as a text in UTF-16 without a byte order mark does");
        string lines = text.Replace("\r\n", "\n", StringComparison.Ordinal);
        if (lines.Length < text.Length)
            changes.Add($"its {text.Length - lines.Length:N0} Windows line endings are read as line feeds");
        return new(lines, changes, invalid);
    }

    private static string Decode(ReadOnlySpan<byte> bytes, List<string> changes, out int invalid)
    {
        invalid = 0;
        foreach ((byte[] mark, Encoding encoding, string name) in s_encodings)
        {
            if (!bytes.StartsWith(mark))
                continue;
            changes.Add($"it is converted from {name}");
            return encoding.GetString(bytes[mark.Length..]);
        }
        if (bytes.StartsWith("\uFEFF"u8))
        {
            changes.Add("its byte order mark is left out");
            bytes = bytes[3..];
        }
        if (!Utf8.IsValid(bytes))
        {
            invalid = CountInvalid(bytes);
            changes.Add($"{invalid:N0} of its bytes are not UTF-8, perhaps because it is in Latin-1, and become U+FFFD");
        }
        return Encoding.UTF8.GetString(bytes);
    }

    private static int CountInvalid(ReadOnlySpan<byte> bytes)
    {
        int count = 0;
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out _, out int length) != OperationStatus.Done)
                count += length;
            bytes = bytes[length..];
        }
        return count;
    }
}

using System.Text.Json;
using System.Text.Unicode;

namespace GgufQuant.HuggingFace;

/// <summary>Reads untrusted JSON as Python writes it, in bounded memory.</summary>
internal static class JsonFile
{
    // A document takes 12 bytes of memory per token; the largest tokenizer.json on the hub has some three million.
    private const int MaxTokens = 1 << 23;

    /// <summary>Parses a file, skipping a byte order mark.</summary>
    /// <remarks>Python's <c>NaN</c> is read as null, and its <c>Infinity</c> as a number too large for a double.</remarks>
    /// <param name="path">The file's path, for errors.</param>
    /// <param name="bytes">Its bytes.</param>
    /// <exception cref="ModelFolderException">The file is not JSON, or has more than 8,388,608 values.</exception>
    public static JsonDocument Parse(string path, byte[] bytes)
    {
        ReadOnlyMemory<byte> json = bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsMemory(3) : bytes;
        try
        {
            try
            {
                Check(path, json.Span);
            }
            catch (JsonException) when (PythonJson.MayHaveOwnNumbers(json.Span))
            {
                json = PythonJson.Standardize(json.Span);
                Check(path, json.Span);
            }
            return JsonDocument.Parse(json);
        }
        catch (JsonException exception)
        {
            throw new ModelFolderException(path, $"the file is not valid JSON: error in line {exception.LineNumber + 1} at byte {exception.BytePositionInLine}", exception);
        }
    }

    // The number of values, and whether every string is valid Unicode without lone surrogates: System.Text.Json finds that out only
    // when asked for the string.
    private static void Check(string path, ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json);
        bool isUnicode = Utf8.IsValid(json);
        for (int tokens = 0; reader.Read(); tokens++)
        {
            if (tokens == MaxTokens)
                throw new ModelFolderException(path, $"the file has more than {MaxTokens:N0} values, the limit here");
            isUnicode = isUnicode && IsUnicode(ref reader);
        }
        if (!isUnicode)
            throw new ModelFolderException(path, "a string in this JSON file is not valid Unicode");
    }

    private static bool IsUnicode(ref Utf8JsonReader reader)
    {
        try
        {
            if (reader.ValueIsEscaped && reader.ValueSpan.IndexOf(@"\u"u8) >= 0)
                reader.GetString();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}

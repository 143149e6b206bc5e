using System.Text.Json;
using System.Text.Unicode;

namespace GgufQuant.HuggingFace;

/// <summary>The texts inside of JSON.</summary>
internal static class JsonText
{
    /// <summary>Whether every text is Unicode, with no half of a surrogate pair. System.Text.Json finds that out only when it is asked for the text.</summary>
    /// <param name="json">JSON that has been parsed once.</param>
    internal static bool IsUnicode(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
            return false;
        Utf8JsonReader reader = new(json);
        try
        {
            while (reader.Read())
            {
                if (reader.ValueIsEscaped && reader.ValueSpan.IndexOf(@"\u"u8) >= 0)
                    reader.GetString();
            }
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}

using System.Collections;
using System.Management.Automation;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Turns a table of keys and values into metadata.</summary>
internal static class MetadataArguments
{
    /// <summary>
    /// The entries of a table. A value takes the type that its key has in the model already, and else its own; one that
    /// does not fit is refused, never cut.
    /// </summary>
    internal static IReadOnlyList<GgufEntry> ToEntries(IDictionary? table, GgufMetadata existing) =>
        table is null ? [] : [.. table.Cast<DictionaryEntry>().Select(pair => ToEntry($"{pair.Key}", pair.Value, existing))];

    private static GgufEntry ToEntry(string key, object? value, GgufMetadata existing)
    {
        object plain = value is PSObject wrapped ? wrapped.BaseObject : value ?? throw Refusal(key, value, "a value is needed");
        Type? wanted = existing.Find(key)?.Value.GetType();
        if (wanted is null && plain is object[] { Length: > 0 } several)
            wanted = (several[0] is PSObject first ? first.BaseObject : several[0]).GetType().MakeArrayType();
        try
        {
            return GgufEntry.Create(key, wanted is null ? plain : LanguagePrimitives.ConvertTo(plain, wanted));
        }
        catch (Exception exception) when (exception is PSInvalidCastException or ArgumentException)
        {
            throw Refusal(key, plain, exception.Message);
        }
    }

    private static ArgumentException Refusal(string key, object? value, string problem) =>
        new($"The metadata '{key}' cannot be set to '{value}': {problem}");
}

using System.Collections;
using System.Globalization;
using System.Management.Automation;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Converts a table of keys and values to metadata.</summary>
internal static class MetadataArguments
{
    /// <summary>
    /// The entries of a table. A value is converted to the type that its key has in the model, if any, and otherwise keeps its
    /// own; one that does not fit is an error, never truncated.
    /// </summary>
    internal static IReadOnlyList<GgufEntry> ToEntries(IDictionary? table, GgufMetadata existing) =>
        table is null ? [] : [.. table.Cast<DictionaryEntry>().Select(pair => ToEntry($"{pair.Key}", pair.Value, existing))];

    private static GgufEntry ToEntry(string key, object? value, GgufMetadata existing)
    {
        object plain = Unwrap(value) ?? throw Invalid(key, value, "a value is needed.");
        Type? wanted = existing.Find(key)?.Value.GetType() ?? (key == GgufKeys.Alignment ? typeof(uint) : null);
        if (wanted is null && plain is object[] several)
        {
            if (several.Length == 0)
                throw Invalid(key, plain, "an empty array has no type unless the key already exists.");
            object first = Unwrap(several[0]) ?? throw Invalid(key, plain, "its first element is null.");
            wanted = first.GetType().MakeArrayType();
        }
        try
        {
            return GgufEntry.Create(key, wanted is null ? plain : ToType(plain, wanted));
        }
        catch (Exception exception) when (exception is PSInvalidCastException or ArgumentException)
        {
            throw Invalid(key, plain, exception.Message);
        }
    }

    private static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;

    private static object ToType(object value, Type wanted)
    {
        IList? elements = value as IList;
        if (wanted.IsArray != elements is not null)
        {
            throw new ArgumentException(
                wanted.IsArray ? "the key holds an array, so give an array." : "the key holds a single value, so do not give an array.");
        }
        object converted = LanguagePrimitives.ConvertTo(value, wanted);
        if (elements is null)
        {
            ThrowIfChanged(value, converted);
        }
        else
        {
            foreach ((object? element, object made) in elements.Cast<object?>().Zip(((Array)converted).Cast<object>()))
                ThrowIfChanged(Unwrap(element), made);
        }
        return converted;
    }

    private static void ThrowIfChanged(object? value, object converted)
    {
        if (!Fits(value, converted))
            throw new ArgumentException($"'{value}' would become '{converted}' as {converted.GetType().Name}.");
    }

    // PowerShell rounds 1.5 to an integer, converts 'false' to true and '1,5' to 15, and null to anything.
    private static bool Fits(object? value, object converted) => (value, converted) switch
    {
        (null, _) => false,
        (string text, float or double) when !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _) => false,
        (_, float or double) => IsFinite(converted) || (value is float or double && !IsFinite(value)),
        (_, string) => true,
        _ => LanguagePrimitives.Equals(value, converted, ignoreCase: true),
    };

    private static bool IsFinite(object number) => double.IsFinite(Convert.ToDouble(number, CultureInfo.InvariantCulture));

    private static ArgumentException Invalid(string key, object? value, string problem) =>
        new($"The metadata '{key}' cannot be set to '{value}': {problem}");
}

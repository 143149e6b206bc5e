using System.Collections;
using System.Globalization;
using System.Management.Automation;
using GgufQuant.Checks;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Converts a table of keys and values to metadata.</summary>
internal static class MetadataArguments
{
    private static readonly Dictionary<GgufValueType, Type> s_types = new()
    {
        [GgufValueType.UInt32] = typeof(uint),
        [GgufValueType.Int32] = typeof(int),
        [GgufValueType.UInt64] = typeof(ulong),
        [GgufValueType.Float32] = typeof(float),
        [GgufValueType.Boolean] = typeof(bool),
        [GgufValueType.String] = typeof(string),
    };

    /// <summary>
    /// The entries of a table. A value is converted to the type that llama.cpp expects for the key, or else to the key's type in the
    /// model, and otherwise keeps its type; one that does not fit is an error, never truncated.
    /// </summary>
    internal static IReadOnlyList<GgufEntry> ToEntries(IDictionary? table, GgufMetadata existing) =>
        table is null ? [] : [.. table.Cast<DictionaryEntry>().Select(pair => ToEntry($"{pair.Key}", pair.Value, existing))];

    private static GgufEntry ToEntry(string key, object? value, GgufMetadata existing)
    {
        object plain = Unwrap(value) ?? throw Invalid(key, value, "a value is needed.");
        Type? wanted = WantedType(key, plain, existing);
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

    private static Type? WantedType(string key, object value, GgufMetadata existing)
    {
        GgufEntry? entry = existing.Find(key);
        _ = existing.TryGetString(GgufKeys.Architecture, out string? architecture);
        if (KnownKeys.Find(key, architecture) is not { } known || (entry is not null && known.Takes(entry)))
            return entry?.Value.GetType();
        Type type = s_types[known.Type];
        bool isArray = known.TakesArray && (!known.TakesValue || value is IList);
        if (!isArray)
            return type;
        // Patterns of layers may be booleans too.
        return value is IList { Count: > 0 } list && known.Type is GgufValueType.UInt32 or GgufValueType.Int32 && list.Cast<object?>().All(element => Unwrap(element) is bool)
            ? typeof(bool[])
            : type.MakeArrayType();
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

using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>Reads JSON properties of unknown types: a missing, null or mistyped one reads as null.</summary>
internal static class JsonFields
{
    /// <summary>A property; null if it is missing or null.</summary>
    public static JsonElement? Property(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public static string? Text(this JsonElement element, string name) => element.Property(name)?.AsText();

    public static string? AsText(this JsonElement element) => element.ValueKind == JsonValueKind.String ? element.GetString() : null;

    public static bool? Flag(this JsonElement element, string name) =>
        element.Property(name) is { ValueKind: JsonValueKind.True or JsonValueKind.False } value ? value.GetBoolean() : null;

    public static int? Integer(this JsonElement element, string name) => element.Property(name)?.AsInteger();

    public static int? AsInteger(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int number) ? number : null;

    /// <summary>The elements of an array; empty for anything else.</summary>
    public static IEnumerable<JsonElement> Items(this JsonElement element, string name) => element.Property(name)?.AsItems() ?? [];

    public static IEnumerable<JsonElement> AsItems(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : [];
}

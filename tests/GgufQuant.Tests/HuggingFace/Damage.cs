using System.Text;
using System.Text.Json.Nodes;

namespace GgufQuant.Tests.HuggingFace;

/// <summary>Damages a model's files.</summary>
internal static class Damage
{
    private static readonly string[] s_values =
    [
        "null", "true", "-1", "0", "1", "3", "7", "319", "2000000000", "4294967296", "9223372036854775807", "1e300", "1.5", "\"\"", "\"a b\"", "\"\\ud800\"", "\"(a+)+$\"",
        "\"yarn\"", "[]", "[[]]", "[1, -5]", "{}", "{\"type\": \"Sequence\"}", "{\"content\": \"<s>\"}",
    ];

    /// <summary>Cuts bytes off, repeats some, or changes a few.</summary>
    public static byte[] Bytes(byte[] bytes, Random random)
    {
        bytes = [.. bytes];
        switch (random.Next(4))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                int start = random.Next(bytes.Length);
                int length = random.Next(Math.Min(64, bytes.Length - start));
                return [.. bytes[..(start + length)], .. bytes[start..]];
            default:
                for (int i = random.Next(1, 6); i > 0; i--)
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                return bytes;
        }
    }

    /// <summary>Puts other values in one to three places of JSON.</summary>
    public static byte[] Json(byte[] bytes, Random random)
    {
        JsonNode root = JsonNode.Parse(bytes)!;
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            // Where an object has few members, so that not nearly all changes are to single tokens.
            JsonNode node = root;
            while (Children(node) is { Count: > 0 } children && (ReferenceEquals(node, root) || random.Next(4) > 0))
                node = children[random.Next(children.Count)] ?? node;
            if (node.Parent is JsonObject parent)
                parent[node.GetPropertyName()] = Value(random);
            else if (node.Parent is JsonArray array)
                array[node.GetElementIndex()] = Value(random);
        }
        return Encoding.UTF8.GetBytes(root.ToJsonString()
            .Replace("\"\\uFFFD\"", "\"\\ud800\"", StringComparison.Ordinal));
    }

    private static List<JsonNode?> Children(JsonNode node) => node switch
    {
        JsonObject properties => [.. properties.Select(pair => pair.Value).Where(value => value is not null)],
        JsonArray items => [.. items.Where(value => value is not null)],
        _ => [],
    };

    private static JsonNode? Value(Random random) => JsonNode.Parse(s_values[random.Next(s_values.Length)].Replace("\\ud800", "\\ufffd", StringComparison.Ordinal));
}

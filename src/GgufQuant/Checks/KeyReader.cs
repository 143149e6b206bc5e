using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>Reads an architecture's keys like llama.cpp, which accepts only the expected type.</summary>
/// <remarks>llama.cpp's <c>get_key</c>, <c>get_arr</c> and <c>get_key_or_arr</c>.</remarks>
/// <param name="metadata">The file's metadata.</param>
/// <param name="architecture">The prefix of the keys.</param>
/// <param name="findings">Receives missing and mistyped keys.</param>
internal sealed class KeyReader(GgufMetadata metadata, string architecture, List<GgufFinding> findings)
{
    // Marks a rule's key that has no architecture prefix.
    private const char Absolute = '/';
    private const string Missing = "The key is missing, and llama.cpp does not load such a model without it.";

    /// <summary>The full key for a key in a rule.</summary>
    public string FullKey(string key) => key[0] == Absolute ? key[1..] : $"{architecture}.{key}";

    /// <summary>Reads one value; for a float, only its sign is kept.</summary>
    /// <returns>Whether it exists.</returns>
    public bool TryRead(string key, GgufValueType type, bool isOptional, out long value)
    {
        value = 0;
        string name = FullKey(key);
        if (metadata.Find(name) is not { } entry)
        {
            if (!isOptional)
                Add(name, Missing);
            return false;
        }
        if (entry.Type != type)
        {
            Add(name, $"It is {Describe(entry)}, but llama.cpp takes only {Article(type)}.");
            return false;
        }
        value = ToInteger(entry.Value);
        return true;
    }

    /// <summary>Reads one value, or an array of a given length.</summary>
    /// <returns>The values; null if there are none.</returns>
    public long[]? ReadValueOrArray(string key, GgufValueType type, long length, bool isOptional)
    {
        if (length is < 0 or > HyperParameters.MaxLayers)
            throw new RuleFailedException($"'{FullKey(key)}' would have {length} elements");
        if (metadata.Find(FullKey(key)) is not { Type: GgufValueType.Array } entry)
        {
            if (!TryRead(key, type, isOptional, out long value))
                return null;
            long[] repeated = new long[length];
            Array.Fill(repeated, value);
            return repeated;
        }
        if (entry.Count != length)
        {
            Add(entry.Key, $"It has {entry.Count} elements, but the model has {length} layers or parts of that kind.");
            return null;
        }
        return ReadArray(key, type, isOptional);
    }

    /// <summary>Reads an array; any other value counts as missing.</summary>
    /// <param name="key">The key.</param>
    /// <param name="type">The type of its elements.</param>
    /// <param name="isOptional">Whether it may be missing.</param>
    /// <param name="isList">Whether it may have more elements than a model has layers; booleans are not allowed then.</param>
    public long[]? ReadArray(string key, GgufValueType type, bool isOptional, bool isList = false)
    {
        string name = FullKey(key);
        if (metadata.Find(name) is not { Type: GgufValueType.Array } entry)
        {
            if (!isOptional)
                Add(name, metadata.Contains(name) ? "It is not an array, but llama.cpp needs one." : Missing);
            return null;
        }
        if (!Takes(type, entry.ElementType!.Value) || (isList && entry.ElementType == GgufValueType.Boolean))
        {
            findings.Add(new(FindingSeverity.Error, name, $"Its elements are {entry.ElementType}, but llama.cpp takes only {type}.")
            {
                EndsProgramIn = EngineCheck.Asserts(entry.ElementType!.Value) ? LlamaBuilds.Engine : LlamaBuilds.None,
            });
            return null;
        }
        if (!isList && entry.Count > HyperParameters.MaxLayers)
        {
            Add(name, $"It has {entry.Count} elements, but llama.cpp takes at most {HyperParameters.MaxLayers}.");
            return null;
        }
        return [.. ((Array)entry.Value).Cast<object>().Select(ToInteger)];
    }

    /// <summary>Reads an array's length.</summary>
    /// <returns>Whether it exists.</returns>
    public bool TryCount(string key, bool isOptional, out long count)
    {
        string name = FullKey(key);
        GgufEntry? entry = metadata.Find(name);
        count = entry?.Type == GgufValueType.Array ? entry.Count : 0;
        if (entry is null && !isOptional)
            Add(name, Missing);
        else if (entry is { Type: not GgufValueType.Array })
            Add(name, "It is not an array, but llama.cpp needs one.");
        return entry?.Type == GgufValueType.Array;
    }

    private static bool Takes(GgufValueType type, GgufValueType elements) => type switch
    {
        GgufValueType.UInt32 or GgufValueType.Int32 => elements is GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Boolean,
        _ => elements == type,
    };

    private static string Describe(GgufEntry entry) =>
        entry.Type == GgufValueType.Array ? $"an array of {entry.ElementType}" : Article(entry.Type);

    private static string Article(GgufValueType type) => $"{(type is GgufValueType.Int8 or GgufValueType.Int16 or GgufValueType.Int32 or GgufValueType.Int64 or GgufValueType.Array ? "an" : "a")} {type}";

    private static long ToInteger(object value) => value switch
    {
        uint number => number,
        int number => number,
        ulong number => (long)number,
        bool flag => flag ? 1 : 0,
        float number => number > 0 ? 1 : number < 0 ? -1 : 0,
        _ => 0,
    };

    private void Add(string key, string message) => findings.Add(new(FindingSeverity.Error, key, message));
}

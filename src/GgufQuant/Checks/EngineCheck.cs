using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>What ends the program in the engine's build of llama.cpp, though v0.5.0 rejects it or loads it.</summary>
internal static class EngineCheck
{
    // b10221's LLAMA_MAX_EXPERTS; v0.5.0 has twice as many.
    private const ulong MaxExperts = 512;

    /// <summary>What v0.5.0 loads; null if there is nothing.</summary>
    public static GgufFinding? FindFatal(GgufMetadata metadata)
    {
        if (!metadata.TryGetString(GgufKeys.Architecture, out string? architecture))
            return null;
        string key = $"{architecture}.expert_count";
        return metadata.TryGetUInt64(key, out ulong experts) && experts > MaxExperts
            ? new(FindingSeverity.Error, key, $"It is {experts}, and this engine's llama.cpp takes at most {MaxExperts} experts.") { EndsProgramIn = LlamaBuilds.Engine }
            : null;
    }

    /// <summary>Whether a vocabulary's array of a wrong type is asserted to be of the right one, or taken for it and read beyond its end.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="expected">The type that its elements should have.</param>
    public static bool IsReadUnchecked(GgufEntry entry, GgufValueType expected)
    {
        // A character map, which it asserts to be one.
        if (expected == GgufValueType.Int8)
            return true;
        return entry is { Type: GgufValueType.Array, ElementType: { } elements }
            && ((elements == GgufValueType.String) != (expected == GgufValueType.String)
                || (elements != GgufValueType.String && GgufValueTypes.SizeOf(elements) < GgufValueTypes.SizeOf(expected)));
    }

    /// <summary>Whether an array of such elements is asserted to be of the expected type; others are rejected in words.</summary>
    public static bool Asserts(GgufValueType elements) =>
        elements is GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 or GgufValueType.String;
}

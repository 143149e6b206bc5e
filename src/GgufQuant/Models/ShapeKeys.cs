using GgufQuant.Gguf;

namespace GgufQuant.Models;

/// <summary>Reads the dimensions in a file's metadata, within bounds, because the file is untrusted.</summary>
internal readonly struct ShapeKeys(GgufMetadata metadata)
{
    /// <summary>The maximum number of layers.</summary>
    internal const int MaxLayers = 1 << 16;

    // Larger dimensions count as not stated.
    private const long Unbelievable = 1L << 40;

    /// <summary>The architecture's name; empty if the file names none.</summary>
    internal string Architecture { get; } = metadata.TryGetString(GgufKeys.Architecture, out string? name) ? name : "";

    /// <summary>A non-negative integer; 0 if there is none.</summary>
    internal long Number(string key) => FindNumber(key) ?? 0;

    /// <summary>A non-negative integer; null if there is none.</summary>
    internal long? FindNumber(string key) =>
        metadata.TryGetUInt64($"{Architecture}.{key}", out ulong value) && value < Unbelievable ? (long)value : null;

    /// <summary>The numbers of an array of any integer type or of booleans; null if there is no such array.</summary>
    internal long[]? FindArray(string key)
    {
        if (Find(key) is not { Type: GgufValueType.Array, Count: <= MaxLayers } entry)
            return null;
        // By the type in the file, because to the runtime an int[] is also a uint[].
        return entry.ElementType switch
        {
            GgufValueType.Boolean => [.. ((bool[])entry.Value).Select(value => value ? 1L : 0)],
            GgufValueType.UInt8 => [.. ((byte[])entry.Value).Select(value => Bounded(value))],
            GgufValueType.Int8 => [.. ((sbyte[])entry.Value).Select(value => Bounded(value))],
            GgufValueType.UInt16 => [.. ((ushort[])entry.Value).Select(value => Bounded(value))],
            GgufValueType.Int16 => [.. ((short[])entry.Value).Select(value => Bounded(value))],
            GgufValueType.UInt32 => [.. ((uint[])entry.Value).Select(value => Bounded(value))],
            GgufValueType.Int32 => [.. ((int[])entry.Value).Select(value => Bounded(value))],
            GgufValueType.UInt64 => [.. ((ulong[])entry.Value).Select(value => Bounded(value))],
            GgufValueType.Int64 => [.. ((long[])entry.Value).Select(value => Bounded(value))],
            _ => null,
        };
    }

    /// <summary>A number per layer, from an array or a single number for all; null if the key is missing.</summary>
    internal long[]? FindPerLayer(string key, int layers)
    {
        if (FindArray(key) is long[] values)
            return [.. values.Take(layers), .. Enumerable.Repeat(0L, Math.Max(0, layers - values.Length))];
        return FindNumber(key) is long number ? [.. Enumerable.Repeat(number, layers)] : null;
    }

    private GgufEntry? Find(string key) => metadata.Find($"{Architecture}.{key}");

    private static long Bounded(Int128 value) => value < 0 || value >= Unbelievable ? 0 : (long)value;
}

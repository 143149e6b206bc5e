using System.Collections.Frozen;

namespace GgufQuant.HuggingFace.Safetensors;

/// <summary>An element type of the safetensors format.</summary>
/// <param name="Name">The name in a header.</param>
/// <param name="Bits">Bits per element.</param>
internal sealed record SafetensorsType(string Name, int Bits)
{
    private static readonly FrozenDictionary<string, SafetensorsType> s_byName = new SafetensorsType[]
    {
        new("BOOL", 8), new("F4", 4), new("F6_E2M3", 6), new("F6_E3M2", 6), new("U8", 8), new("I8", 8),
        new("F8_E5M2", 8), new("F8_E4M3", 8), new("F8_E8M0", 8), new("F8_E4M3FNUZ", 8), new("F8_E5M2FNUZ", 8),
        new("I16", 16), new("U16", 16), new("F16", 16), new("BF16", 16),
        new("I32", 32), new("U32", 32), new("F32", 32),
        new("C64", 64), new("F64", 64), new("I64", 64), new("U64", 64),
    }.ToFrozenDictionary(type => type.Name, StringComparer.Ordinal);

    /// <summary>The type with a name; null if the format has no such type.</summary>
    public static SafetensorsType? Find(string name) => s_byName.GetValueOrDefault(name);

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}

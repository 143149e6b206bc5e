namespace GgufQuant.Formats;

/// <summary>A block of 32 weights in 4- or 5-bit codes: half-precision scale, minimum if any, fifth bits if any, nibbles.</summary>
internal interface ILegacyFormat : IBlockFormat
{
    /// <summary>Bits per code, 4 or 5; the fifth bits of all codes follow the header in one 32-bit word.</summary>
    static abstract int CodeBits { get; }

    /// <summary>Whether codes count up from a stored minimum; without one they are centred on zero.</summary>
    static abstract bool HasMinimum { get; }
}

namespace GgufQuant.Formats;

/// <summary>A block of 32 weights in codes of 4 or 5 bits: half-precision scale, minimum if any, fifth bits if any, nibbles.</summary>
internal interface ILegacyFormat : IBlockFormat
{
    /// <summary>Bits a code takes, 4 or 5; the fifth bits of all codes follow the header in one 32-bit word.</summary>
    static abstract int CodeBits { get; }

    /// <summary>Whether codes count up from a stored minimum; without one they lie around zero.</summary>
    static abstract bool HasMinimum { get; }
}

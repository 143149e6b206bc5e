using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>A 16-bit float; each weight stands alone.</summary>
internal interface IHalfWidthFloat
{
    /// <summary>Reads the low 16 bits of each lane.</summary>
    static abstract TFloats Widen<TFloats, TInts>(TInts bits)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>;

    /// <summary>Rounds each lane into its low 16 bits.</summary>
    static abstract TInts Narrow<TFloats, TInts>(TFloats values)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>;
}

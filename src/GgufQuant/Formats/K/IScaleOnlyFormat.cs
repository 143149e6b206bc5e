using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>A super-block whose sub-blocks of 16 read as <c>scale · level</c>, both signed: Q3_K and Q6_K.</summary>
internal interface IScaleOnlyFormat : IBlockFormat
{
    /// <summary>Levels range from minus this to this minus one; they are stored with this added.</summary>
    static abstract int LevelRange { get; }

    /// <summary>Stored scales range from minus this to this minus one.</summary>
    static abstract int ScaleRange { get; }

    /// <summary>Whether, without importance, the levels are found by descent rather than by trying scales.</summary>
    static abstract bool DescendsWithoutImatrix { get; }

    /// <summary>Whether importance is combined with the super-block's variance, and steers the stored scales too.</summary>
    static abstract bool WeighsByVariance { get; }

    /// <summary>Whether a super-block with only negligible scales is all zero bytes.</summary>
    static abstract bool ClearsNegligible { get; }

    /// <summary>Offset in the block of the half-precision factor of the scales.</summary>
    static abstract int FactorOffset { get; }

    /// <summary>Writes the stored scales into a block.</summary>
    static abstract void PackScales(ReadOnlySpan<sbyte> scales, Span<byte> block);

    /// <summary>Reads what <see cref="PackScales"/> wrote.</summary>
    static abstract void UnpackScales(ReadOnlySpan<byte> block, Span<sbyte> scales);

    /// <summary>Writes 256 levels, a byte each and none negative, into a block.</summary>
    static abstract void PackLevels(ReadOnlySpan<byte> levels, Span<byte> block);

    /// <summary>Reads what <see cref="PackLevels"/> wrote.</summary>
    /// <param name="block">The block.</param>
    /// <param name="levels">Receives 256 levels, a byte each. At most eight lanes fit the runs in which they lie.</param>
    static abstract void UnpackLevels<TF, TI>(ref readonly byte block, ref byte levels)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;
}

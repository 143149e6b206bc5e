using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>A super-block whose sub-blocks read as <c>scale · level − minimum</c>: Q2_K, Q4_K and Q5_K.</summary>
internal interface IScaleMinFormat : IBlockFormat
{
    /// <summary>Weights per sub-block.</summary>
    static abstract int SubBlockSize { get; }

    /// <summary>The greatest level; the least is 0.</summary>
    static abstract int MaxLevel { get; }

    /// <summary>The greatest stored value of a sub-block's scale and minimum.</summary>
    static abstract int MaxScale { get; }

    /// <summary>The candidate scales without importance weights.</summary>
    static abstract ScaleSteps StepsWithoutImatrix { get; }

    /// <summary>Whether, without importance weights, weights count by magnitude alone and errors are absolute, not squared.</summary>
    static abstract bool ErrorsAreAbsoluteWithoutImatrix { get; }

    /// <summary>The factor of the super-block's mean square in importance weights.</summary>
    static abstract float VarianceFactor { get; }

    /// <summary>Whether a stored scale is capped at <see cref="MaxScale"/>; if not, a negative one wraps to a large byte.</summary>
    static abstract bool CapsScales(bool weighted);

    /// <summary>Offset in the block of the two half-precision factors: of the scales and of the minimums.</summary>
    static abstract int FactorsOffset { get; }

    /// <summary>Writes the stored scales and minimums, a byte each, into a block.</summary>
    static abstract void PackScales(ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, Span<byte> block);

    /// <summary>Reads what <see cref="PackScales"/> wrote.</summary>
    static abstract void UnpackScales(ReadOnlySpan<byte> block, Span<byte> scales, Span<byte> minimums);

    /// <summary>Writes 256 levels, a byte each, into a block.</summary>
    static abstract void PackLevels(ReadOnlySpan<byte> levels, Span<byte> block);

    /// <summary>Reads what <see cref="PackLevels"/> wrote.</summary>
    /// <param name="block">The block.</param>
    /// <param name="levels">Receives 256 levels, a byte each. At most eight lanes fit the runs in which they lie.</param>
    static abstract void UnpackLevels<TF, TI>(ref readonly byte block, ref byte levels)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;
}

/// <summary>The evenly spaced numbers of levels over which a search spreads a sub-block's range.</summary>
/// <param name="First">The first number, minus the greatest level.</param>
/// <param name="Step">The difference between neighbours.</param>
/// <param name="Last">The index of the last number; the first has index 0.</param>
internal readonly record struct ScaleSteps(float First, float Step, int Last)
{
    /// <summary>The steps of every format with importance weights.</summary>
    public static ScaleSteps WithImatrix => new(-0.9f, 0.05f, 36);

    /// <summary>The number of levels at an index.</summary>
    public float At(int index, int maxLevel) => First + (Step * index) + maxLevel;
}

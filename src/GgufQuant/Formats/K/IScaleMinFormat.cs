using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>A super-block whose sub-blocks read as <c>scale · level − minimum</c>: Q2_K, Q4_K and Q5_K.</summary>
internal interface IScaleMinFormat : IBlockFormat
{
    /// <summary>Weights per sub-block.</summary>
    static abstract int SubBlockSize { get; }

    /// <summary>The greatest level; the least is 0.</summary>
    static abstract int MaxLevel { get; }

    /// <summary>The greatest number a sub-block's scale and minimum are stored as.</summary>
    static abstract int MaxScale { get; }

    /// <summary>The scales tried without importance weights.</summary>
    static abstract ScaleSteps StepsWithoutImatrix { get; }

    /// <summary>Without importance weights: weigh by magnitude alone, and by the error itself instead of its square.</summary>
    static abstract bool ErrorsAreAbsoluteWithoutImatrix { get; }

    /// <summary>What the super-block's mean square is multiplied by to weigh with importance.</summary>
    static abstract float VarianceFactor { get; }

    /// <summary>Whether a stored scale is capped at <see cref="MaxScale"/>: where not, a negative one wraps to a large byte.</summary>
    static abstract bool CapsScales(bool weighted);

    /// <summary>Where the block keeps its two half-precision factors, of the scales and of the minimums.</summary>
    static abstract int FactorsOffset { get; }

    /// <summary>Writes the stored scales and minimums, a byte each, into a block.</summary>
    static abstract void PackScales(ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, Span<byte> block);

    /// <summary>Reads what <see cref="PackScales"/> wrote.</summary>
    static abstract void UnpackScales(ReadOnlySpan<byte> block, Span<byte> scales, Span<byte> minimums);

    /// <summary>Writes 256 levels, a byte each, into a block.</summary>
    static abstract void PackLevels(ReadOnlySpan<byte> levels, Span<byte> block);

    /// <summary>Reads what <see cref="PackLevels"/> wrote.</summary>
    /// <param name="block">The block.</param>
    /// <param name="levels">Takes 256 levels, a byte each. At most eight lanes fit the runs in which they lie.</param>
    static abstract void UnpackLevels<TF, TI>(ref readonly byte block, ref byte levels)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;
}

/// <summary>The evenly spaced numbers of levels that a search spreads a sub-block's range over.</summary>
/// <param name="First">The first, less the greatest level.</param>
/// <param name="Step">From each to the next.</param>
/// <param name="Last">The last one's index; the first one's is 0.</param>
internal readonly record struct ScaleSteps(float First, float Step, int Last)
{
    /// <summary>The grid of every format with importance weights.</summary>
    public static ScaleSteps WithImatrix => new(-0.9f, 0.05f, 36);

    /// <summary>The number of levels at an index.</summary>
    public float At(int index, int maxLevel) => First + (Step * index) + maxLevel;
}

using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>A format whose sub-blocks are points of a grid, signs and a scale: the IQ2 and IQ3 family.</summary>
internal interface IGridFormat : ICodebookFormat, IQuantizableFormat
{
    /// <summary>The points; digit d stands for the level 2·d + 1 during the search.</summary>
    static abstract Grid Grid { get; }

    /// <summary>Whether all neighbours of a code are equally far from it.</summary>
    static abstract bool HasOneShell { get; }

    /// <summary>Weights per point: 8 with three levels each, or 4 with eight.</summary>
    static abstract int Dimensions { get; }

    /// <summary>Number of candidate scales on either side of the one that fills the range of levels.</summary>
    static abstract int Reach { get; }

    /// <summary>The step from one candidate scale to the next, in levels.</summary>
    static abstract float Step { get; }

    /// <summary>Whether the candidate scales surround a fit without the grid, or else the scale of the greatest magnitude.</summary>
    static abstract bool StartsFromFit { get; }

    /// <summary>Whether a block stores seven signs of eight, so that the number of negative ones must be made even.</summary>
    static abstract bool SevenSigns { get; }

    /// <summary>A sub-block whose greatest magnitude is below this counts as zero.</summary>
    static abstract float Negligible { get; }

    /// <summary>What the super-block's mean square is multiplied by.</summary>
    static abstract float VarianceFactor { get; }

    /// <summary>Which groups are rounded again under the scale that was found.</summary>
    static abstract GridRefit Refit { get; }

    /// <summary>The importance of a weight if none is given.</summary>
    static abstract TF FactorWithoutImatrix<TF, TI>(TF weight, TF variance)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;

    /// <summary>Writes a super-block.</summary>
    /// <param name="points">The index of each group's point.</param>
    /// <param name="signs">The signs of every eight weights.</param>
    /// <param name="scales">The scale of each sub-block, never negative.</param>
    /// <param name="zeros">A bit per sub-block, set if it counts as zero.</param>
    /// <param name="maxScale">The greatest of the scales; if it is 0, so is every weight.</param>
    /// <param name="block">The block, cleared.</param>
    static abstract void Pack(
        ReadOnlySpan<int> points,
        ReadOnlySpan<byte> signs,
        ReadOnlySpan<float> scales,
        uint zeros,
        float maxScale,
        Span<byte> block);
}

/// <summary>Which groups are rounded again under the scale that was found.</summary>
internal enum GridRefit
{
    /// <summary>Those that rounded off the grid.</summary>
    OffGrid,

    /// <summary>All, if any rounded off the grid.</summary>
    AllIfAnyIsOff,

    /// <summary>All, always.</summary>
    All,
}

using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>The weighted sums of every split of sub-blocks, ascending, into the levels -1, 0 and 1; a lane per sub-block.</summary>
internal interface IIQ1Sums
{
    /// <summary>Weights in a sub-block.</summary>
    static abstract int Size { get; }

    /// <summary>Number of ways a sub-block's levels can be shifted.</summary>
    static abstract int Shifts { get; }

    /// <summary>Whether a combination of shifts moves the levels of a group down.</summary>
    /// <param name="shift">The index of the combination.</param>
    /// <param name="group">The group of eight within the sub-block.</param>
    static abstract bool IsDown(int shift, int group);

    /// <summary>Adds one sub-block.</summary>
    /// <param name="lane">Its lane.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="factors">Their importance.</param>
    /// <param name="ranks">How many weights precede each in ascending order.</param>
    void Take<TF, TI>(int lane, ReadOnlySpan<float> weights, ReadOnlySpan<float> factors, ReadOnlySpan<int> ranks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;

    /// <summary>Accumulates the sub-blocks, once every lane has one.</summary>
    /// <returns>The sum of the weights' importance.</returns>
    TF AddUp<TF, TI>()
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;

    /// <summary>The sums Σ factor · level · weight and Σ factor · level² of a split.</summary>
    /// <param name="shift">The index of the combination of shifts.</param>
    /// <param name="middle">The rank of the first weight of level 0.</param>
    /// <param name="upper">The rank of the first weight of level 1.</param>
    (TF Products, TF Squares) At<TF, TI>(int shift, int middle, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;

    /// <summary>The greatest products² / squares that any shifts give a split, up to rounding.</summary>
    /// <param name="middle">The rank of the first weight of level 0.</param>
    /// <param name="upper">The rank of the first weight of level 1.</param>
    TF Score<TF, TI>(int middle, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;
}

using System.Diagnostics.CodeAnalysis;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>The weighted sums of every split of sub-blocks, ascending, into the levels -1, 0 and 1; a lane per sub-block.</summary>
/// <remarks>
/// The levels are one apart. So the products of a split are those of all weights at the upper level, minus the products before
/// either boundary; and its squares are the sum of two numbers, one for each boundary.
/// </remarks>
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

    /// <summary>Adds up the sub-blocks.</summary>
    /// <param name="order">By rank, the index of the weight; one row per rank.</param>
    /// <param name="weights">The weights by rank.</param>
    /// <param name="factors">Their importance.</param>
    void AddUp<TF, TI>(ReadOnlySpan<int> order, ReadOnlySpan<float> weights, ReadOnlySpan<float> factors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;

    /// <summary>The sums Σ factor · level · weight and Σ factor · level² of a split, in ggml's order.</summary>
    /// <param name="shift">The index of the combination of shifts.</param>
    /// <param name="middle">The rank of the first weight of level 0.</param>
    /// <param name="upper">The rank of the first weight of level 1.</param>
    (TF Products, TF Squares) At<TF, TI>(int shift, int middle, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;

    /// <summary>By rank, the products of the weights before it at level 1, unshifted.</summary>
    [UnscopedRef]
    ref readonly IQ1Rows Products { get; }

    /// <summary>The products of all weights at the upper level.</summary>
    /// <param name="shift">The index of the combination of shifts.</param>
    TF UpperProducts<TF, TI>(int shift)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;

    /// <summary>Writes the parts of a split's squares that its boundaries decide, by rank and by shift.</summary>
    /// <param name="middles">Receives those of the first weight of level 0.</param>
    /// <param name="uppers">Receives those of the first weight of level 1.</param>
    void WriteSquares<TF, TI>(ref IQ1Table middles, ref IQ1Table uppers)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;
}

using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>A format of shifted ternary levels, and how the best split of a sub-block into them is found.</summary>
internal interface ITernaryFormat : ILevelFormat, IQuantizableFormat
{
    /// <summary>A sub-block whose greatest magnitude is less counts as zero.</summary>
    static abstract float Negligible { get; }

    /// <summary>Finds the split of a sub-block with the least weighted error.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="factors">Their importance.</param>
    /// <param name="order">The places of the weights, ascending.</param>
    /// <param name="greatest">The greatest magnitude.</param>
    /// <param name="guess">How many weights a good split may have at level -1.</param>
    static abstract TernarySplit Split<TF, TI>(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> factors, ReadOnlySpan<int> order, float greatest, int guess)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;

    /// <summary>Whether a split shifts the levels of a group down.</summary>
    /// <param name="shift">The split's shifts.</param>
    /// <param name="group">The group of eight in the sub-block.</param>
    static abstract bool IsShiftedDown(int shift, int group);

    /// <summary>Writes a super-block.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="factors">Their importance.</param>
    /// <param name="points">The point of each eight weights: its code.</param>
    /// <param name="places">The index of each code.</param>
    /// <param name="shifts">By eight weights, -1 where the levels are shifted down, else 1.</param>
    /// <param name="scales">The scale of each sub-block.</param>
    /// <param name="block">The block, cleared.</param>
    static abstract void Pack(
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> factors,
        ReadOnlySpan<int> points,
        ReadOnlySpan<int> places,
        ReadOnlySpan<int> shifts,
        ReadOnlySpan<float> scales,
        Span<byte> block);
}

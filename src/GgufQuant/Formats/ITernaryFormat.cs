using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>A format of shifted ternary levels, and how the best split of a sub-block into them is found.</summary>
internal interface ITernaryFormat : ILevelFormat, IQuantizableFormat
{
    /// <summary>A sub-block whose greatest magnitude is less counts as zero.</summary>
    static abstract float Negligible { get; }

    /// <summary>Finds the split of a sub-block, in ascending order, with the least weighted error.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="factors">Their importance.</param>
    /// <param name="order">The places of the weights, ascending.</param>
    /// <param name="greatest">The greatest magnitude.</param>
    static abstract TernarySplit Split<TF, TI>(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> factors, ReadOnlySpan<int> order, float greatest)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;

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

/// <summary>How a sub-block, ascending, falls into the levels -1, 0 and 1.</summary>
/// <param name="Middle">The first weight of level 0; negative where there is no split.</param>
/// <param name="Upper">The first weight of level 1.</param>
/// <param name="Shifts">A bit for each group of eight whose levels are shifted down, or one for them all.</param>
/// <param name="Scale">The scale that fits best; it may be negative.</param>
internal readonly record struct TernarySplit(int Middle, int Upper, int Shifts, float Scale);

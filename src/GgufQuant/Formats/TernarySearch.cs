using System.Numerics;
using System.Runtime.CompilerServices;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>The weighted sums of every split of a sub-block, ascending, into the levels -1, 0 and 1.</summary>
internal interface ITernarySums
{
    /// <summary>Weights in the sub-block.</summary>
    static abstract int Size { get; }

    /// <summary>The ways its groups' levels can be shifted.</summary>
    static abstract int Shifts { get; }

    /// <summary>The sum of the weights' importance.</summary>
    float FactorSum { get; }

    /// <summary>Chooses the first weight of level 0.</summary>
    void SetMiddle(int middle);

    /// <summary>The sums Σ factor · level · weight and Σ factor · level², a lane for each first weight of level 1.</summary>
    /// <param name="shift">Which shifts.</param>
    /// <param name="upper">The first lane's. Lanes beyond <see cref="Size"/> have a NaN for squares.</param>
    (TF Products, TF Squares) At<TF, TI>(int shift, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;

    /// <summary>The lanes in which any shifts give products² above the squares times a score.</summary>
    TI AnyAbove<TF, TI>(int upper, TF score)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;
}

/// <summary>How a sub-block, ascending, falls into the levels -1, 0 and 1.</summary>
/// <param name="Middle">The first weight of level 0; negative where there is no split.</param>
/// <param name="Upper">The first weight of level 1.</param>
/// <param name="Shift">Which shifts.</param>
/// <param name="Scale">The scale that fits best; it may be negative.</param>
internal readonly record struct TernarySplit(int Middle, int Upper, int Shift, float Scale)
{
    /// <summary>No split at all.</summary>
    public static TernarySplit None => new(-1, -1, 0, 0);
}

/// <summary>Finds the split with the greatest products² / squares: the least weighted error.</summary>
/// <remarks>
/// <para>ggml tries all splits in turn and compares each with the best before it. A split well below the greatest
/// cannot matter to the outcome: whichever is kept before it, the greatest is accepted when its turn comes, and from
/// then on only splits that rounding cannot tell from it. So it is enough to go in ggml's way through the splits that
/// come near the greatest; the others are passed over, many at a time.</para>
/// <para>Near means within a margin far above what rounding adds up to in a comparison, four times 2⁻²⁴. That holds
/// while all numbers are normal; where they may not be, every split is gone through.</para>
/// </remarks>
internal static class TernarySearch<TF, TI, TSums>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
    where TSums : struct, ITernarySums
{
    private const float Margin = 1 - (1f / 65536);

    // For each guess the other middles, the nearest first: the sooner a great score is reached, the fewer vectors come
    // near it.
    private static readonly int[][] s_others =
    [
        .. Enumerable.Range(0, TSums.Size + 1).Select(guess =>
            Enumerable.Range(0, TSums.Size + 1)
                .Where(middle => middle != guess)
                .OrderBy(middle => Math.Abs(middle - guess))
                .ToArray()),
    ];

    /// <summary>The best split.</summary>
    /// <param name="sums">The sums of all splits.</param>
    /// <param name="greatest">The greatest magnitude of a weight.</param>
    /// <param name="guess">How many weights a good split may have at level -1.</param>
    public static TernarySplit Best(ref TSums sums, float greatest, int guess)
    {
        float reached = BestOfMiddle(ref sums, guess);
        return IsNormal(reached, sums.FactorSum, greatest) ? BestNear(ref sums, guess, reached) : BestOfAll(ref sums);
    }

    // No squares are below a 64th of the sum of the factors, and no score is above it times the greatest square.
    private static bool IsNormal(double reached, double factorSum, double greatest) =>
        reached > 1e-30 && factorSum > 1e-30 && reached * factorSum > 1e-30
        && factorSum * factorSum * greatest * greatest < 1e36;

    /// <summary>A score that is reached by some split.</summary>
    private static float BestOfMiddle(ref TSums sums, int middle)
    {
        TF zero = TF.Broadcast(0);
        TF best = zero;
        sums.SetMiddle(middle);
        for (int upper = middle; upper <= TSums.Size; upper += TF.Count)
        {
            for (int shift = 0; shift < TSums.Shifts; shift++)
            {
                (TF products, TF squares) = sums.At<TF, TI>(shift, upper);
                TF score = TF.Select(TF.GreaterThan(squares, zero), products * products / squares, zero);
                best = TF.Max(score, best);
            }
        }
        return TF.MaxAcross(best);
    }

    private static TernarySplit BestNear(ref TSums sums, int guess, float start)
    {
        // First, what the greatest score is about, and for which middles a split comes near it.
        TF reached = TF.Broadcast(start);
        float near = start * Margin;
        ulong middles = 1UL << guess;
        foreach (int middle in s_others[guess])
        {
            sums.SetMiddle(middle);
            for (int upper = middle; upper <= TSums.Size; upper += TF.Count)
            {
                if (Above(ref sums, upper, near) == 0)
                    continue;
                middles |= 1UL << middle;
                for (int shift = 0; shift < TSums.Shifts; shift++)
                {
                    (TF products, TF squares) = sums.At<TF, TI>(shift, upper);
                    TF square = products * products;
                    reached = TF.Select(TF.GreaterThan(square, reached * squares), square / squares, reached);
                }
                near = TF.MaxAcross(reached) * Margin;
            }
        }

        // Then ggml's way through those.
        float best = near;
        TernarySplit split = TernarySplit.None;
        for (; middles != 0; middles &= middles - 1)
        {
            int middle = BitOperations.TrailingZeroCount(middles);
            sums.SetMiddle(middle);
            for (int upper = middle; upper <= TSums.Size; upper += TF.Count)
            {
                for (uint lanes = Above(ref sums, upper, near); lanes != 0; lanes &= lanes - 1)
                    Compare(ref sums, middle, upper + BitOperations.TrailingZeroCount(lanes), ref best, ref split);
            }
        }
        return split;
    }

    // The last vector is mostly half empty or more, and a narrower one takes half the time. Inlined, this would exhaust
    // what the compiler is ready to inline into a method.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Above(ref TSums sums, int upper, float score) =>
        TF.Count > FloatLanes256.Count && TSums.Size - upper < FloatLanes256.Count
            ? IntLanes256.MaskBits(sums.AnyAbove<FloatLanes256, IntLanes256>(upper, FloatLanes256.Broadcast(score)))
            : TI.MaskBits(sums.AnyAbove<TF, TI>(upper, TF.Broadcast(score)));

    private static TernarySplit BestOfAll(ref TSums sums)
    {
        float best = float.MinValue;
        TernarySplit split = TernarySplit.None;
        for (int middle = 0; middle <= TSums.Size; middle++)
        {
            sums.SetMiddle(middle);
            for (int upper = middle; upper <= TSums.Size; upper++)
                Compare(ref sums, middle, upper, ref best, ref split);
        }
        return split;
    }

    private static void Compare(ref TSums sums, int middle, int upper, ref float best, ref TernarySplit split)
    {
        for (int shift = 0; shift < TSums.Shifts; shift++)
        {
            (FloatLane productLane, FloatLane squareLane) = sums.At<FloatLane, IntLane>(shift, upper);
            float products = productLane.Value;
            float squares = squareLane.Value;
            if (!(squares > 0 && products * products > best * squares))
                continue;
            float scale = products / squares;
            best = scale * products;
            split = new(middle, upper, shift, scale);
        }
    }
}

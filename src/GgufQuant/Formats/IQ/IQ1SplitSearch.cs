using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>How the sorted weights of sub-blocks split into the levels -1, 0 and 1; a lane per sub-block.</summary>
/// <param name="Middle">The rank of the first weight of level 0; negative if there is no split.</param>
/// <param name="Upper">The rank of the first weight of level 1.</param>
/// <param name="Shift">The index of the combination of shifts.</param>
/// <param name="Scale">The best-fitting scale; it may be negative.</param>
internal readonly record struct IQ1Splits<TF, TI>(TI Middle, TI Upper, TI Shift, TF Scale)
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>;

/// <summary>Finds the splits with the greatest products² / squares, which have the least weighted error.</summary>
/// <remarks>
/// <para>ggml tries all splits in turn and compares each with the best before it. A split well below the greatest
/// cannot affect the outcome: whichever is kept before it, the greatest is accepted when its turn comes, and after that
/// only splits that rounding cannot distinguish from it. So all splits are scored first, and ggml's loop runs only over the few
/// that come near the greatest.</para>
/// <para>Near means within a margin above the rounding errors of scoring and comparing, as long as all numbers are normal; if
/// they may not be, the loop runs over every split. With S = Σ factor · |weight|, F = Σ factor and u = 2⁻²⁴, the products that
/// a score is made of and those that ggml compares differ by at most 16 · u · S. The split where the sign changes has products
/// of at least ⅞ · S and squares of at most (⁹⁄₈)² · F, so the greatest score is at least 0.6 · S² / F. No squares are below
/// F / 64, so near splits have products of at least S / 11. Their scores are therefore wrong by at most 3 · 10⁻⁵, and two of
/// them, compared, by half of the margin.</para>
/// </remarks>
internal static class IQ1SplitSearch<TF, TI, TSums>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
    where TSums : struct, IIQ1Sums
{
    private const float Margin = 1 - (1f / 8192);

    /// <summary>The best splits.</summary>
    /// <param name="sums">The sums of all splits, added up.</param>
    /// <param name="factorSum">What accumulating the sums returned.</param>
    /// <param name="greatest">The greatest magnitude of a weight.</param>
    /// <param name="isSought">The lanes that need a split.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static IQ1Splits<TF, TI> Best(ref TSums sums, TF factorSum, TF greatest, TI isSought)
    {
        Unsafe.SkipInit(out Scores scores);
        TF reached = TF.Broadcast(0);
        int split = 0;
        for (int middle = 0; middle <= TSums.Size; middle++)
        {
            for (int upper = middle; upper <= TSums.Size; upper++, split += TF.Count)
            {
                TF score = sums.Score<TF, TI>(middle, upper);
                score.Store(ref Unsafe.Add(ref scores[0], split));
                reached = TF.Max(score, reached);
            }
        }

        TI isNormal = IsNormal(reached, factorSum, greatest);
        TF near = reached * TF.Broadcast(Margin);
        TF best = TF.Select(isNormal, near, TF.Broadcast(float.MinValue));
        TI isDoubtful = isSought & ~isNormal;
        IQ1Splits<TF, TI> found = new(TI.Broadcast(-1), TI.Broadcast(-1), TI.Broadcast(0), TF.Broadcast(0));
        split = 0;
        for (int middle = 0; middle <= TSums.Size; middle++)
        {
            for (int upper = middle; upper <= TSums.Size; upper++, split += TF.Count)
            {
                TF score = TF.Load(in Unsafe.Add(ref scores[0], split));
                TI isNear = isDoubtful | (isSought & TF.GreaterThan(score, near));
                if (TI.Any(isNear))
                    Compare(ref sums, middle, upper, isNear, ref best, ref found);
            }
        }
        return found;
    }

    // No squares are below a 64th of the sum of the factors, and no score exceeds that sum times the greatest square. Scores
    // are compared by their products with the squares.
    private static TI IsNormal(TF reached, TF factorSum, TF greatest)
    {
        TF tiny = TF.Broadcast(1e-30f);
        TF one = TF.Broadcast(1);
        TF atMostOne = TF.Min(factorSum, one);
        TF products = factorSum * greatest;
        return TF.GreaterThan(factorSum, tiny) & TF.GreaterThan(reached, tiny)
            & TF.GreaterThan(reached * atMostOne * atMostOne, tiny)
            & TF.GreaterThan(TF.Broadcast(1e36f), products * products * TF.Max(factorSum, one));
    }

    // ggml's step, in the lanes near the greatest.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Compare(
        ref TSums sums, int middle, int upper, TI isNear, ref TF best, ref IQ1Splits<TF, TI> found)
    {
        for (int shift = 0; shift < TSums.Shifts; shift++)
        {
            (TF products, TF squares) = sums.At<TF, TI>(shift, middle, upper);
            TI isBetter = isNear & TF.GreaterThan(squares, TF.Broadcast(0))
                & TF.GreaterThan(products * products, best * squares);
            // Few are, and only those need the division.
            if (!TI.Any(isBetter))
                continue;
            TF scale = products / squares;
            best = TF.Select(isBetter, scale * products, best);
            found = new(
                TI.Select(isBetter, TI.Broadcast(middle), found.Middle),
                TI.Select(isBetter, TI.Broadcast(upper), found.Upper),
                TI.Select(isBetter, TI.Broadcast(shift), found.Shift),
                TF.Select(isBetter, scale, found.Scale));
        }
    }

    // The 561 splits of 32 weights, for the widest lanes.
    [InlineArray(561 * 16)]
    private struct Scores
    {
        private float _first;
    }
}

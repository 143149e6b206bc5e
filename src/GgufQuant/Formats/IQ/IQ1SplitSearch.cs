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

/// <summary>The scale that fits a split best, and the split's score.</summary>
internal readonly record struct IQ1Fit<TF, TI>(TF Scale, TF Score)
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    /// <summary>The fit of a split, by its products and squares.</summary>
    /// <remarks>If the scale were negative, a split that rounds to it would have its boundaries the wrong way round.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IQ1Fit<TF, TI> Of(TF products, TF squares)
    {
        products = TF.Abs(products);
        TF scale = products / squares;
        return new(scale, products * scale);
    }
}

/// <summary>Finds the splits with the greatest products² / squares, which have the least weighted error.</summary>
/// <remarks>
/// <para>ggml tries all splits in turn and compares each with the best before it. A split well below the greatest
/// cannot affect the outcome: whichever is kept before it, the greatest is accepted when its turn comes, and after that
/// only splits that rounding cannot distinguish from it. So a great score is guessed first, then all splits are compared with
/// it roughly, and ggml's loop runs only over the few that come near or exceed it.</para>
/// <para>The guess is the score of some split, so the greatest is no less. A bad one costs time, as more splits come near it,
/// but changes nothing. It starts from a scale that is usual, rounds to it, takes the scale that fits best, and so on. Groups
/// that are shifted apart round to the mean of the scales found for groups shifted alike.</para>
/// <para>A split is compared without division. Its products are a + b, where a depends on the first boundary and b on the
/// second, and its squares are c + d likewise. With n the least score that is near, it comes near where
/// (a + b)² &gt; n · (c + d), that is where 2ab + (b² - nd) &gt; -(a² - nc): a product and a sum, the greatest of which is
/// compared with what is the same for all second boundaries. Only where that is exceeded are they listed one by one.</para>
/// <para>Near means within a margin above the rounding errors of scoring and comparing, as long as all numbers are normal; if
/// they may not be, the loop runs over every split. With S = Σ factor · |weight|, F = Σ factor and u = 2⁻²⁴, the products that
/// a score is made of and those that ggml compares differ by at most 16 · u · S. The split where the sign changes has products
/// of at least ⅞ · S and squares of at most (⁹⁄₈)² · F, so the greatest score is at least 0.6 · S² / F, and no guess is less. No
/// squares are below F / 64, so near splits have products of at least S / 11. Their scores are therefore wrong by at most
/// 3 · 10⁻⁵, and two of them, compared, by half of the margin. In the comparison without division, a and b are at most
/// 2.2 · S, c and d at most 2.6 · F. It rounds nine times, so it is wrong by less than 10⁻⁵ · (S² + n · F), which is
/// subtracted from what is to be exceeded.</para>
/// </remarks>
internal static class IQ1SplitSearch<TF, TI, TSums>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
    where TSums : struct, IIQ1Sums
{
    private const float Margin = 1 - (1f / 8192);

    /// <summary>The best splits.</summary>
    /// <param name="scratch">The sums of all splits, the weights by rank and their importance.</param>
    /// <param name="greatest">The greatest magnitude of a weight.</param>
    /// <param name="isSought">The lanes that need a split.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static IQ1Splits<TF, TI> Best(ref IQ1Scratch<TSums> scratch, TF greatest, TI isSought)
    {
        TF factorSum = TF.Broadcast(0);
        TF magnitudeSum = TF.Broadcast(0);
        for (int rank = 0; rank < TSums.Size; rank++)
        {
            TF factor = scratch.SortedFactors.Row<TF, TI>(rank);
            factorSum += factor;
            magnitudeSum += factor * TF.Abs(scratch.SortedWeights.Row<TF, TI>(rank));
        }
        scratch.Sums.WriteSquares<TF, TI>(ref scratch.Middles, ref scratch.Uppers);
        TF mean = magnitudeSum / factorSum;
        TF reached = TF.Max(Guess(ref scratch, mean), TF.Broadcast(0.6f) * mean * magnitudeSum);

        TI isNormal = IsNormal(reached, factorSum, greatest);
        TF least = reached * TF.Broadcast(Margin);
        TF slack = TF.Broadcast(1e-5f) * ((magnitudeSum * magnitudeSum) + (least * factorSum));
        for (int shift = 0; shift < TSums.Shifts; shift++)
            PrepareComparison(ref scratch, shift, least, slack);

        NearLanes lanes = new(TI.MaskBits(isSought & isNormal), TI.MaskBits(isSought & ~isNormal));
        int count = 0;
        for (int middle = 0; middle <= TSums.Size; middle++)
        {
            if (AreAnyNear(ref scratch, middle, ref lanes))
                count = List(ref scratch, middle, in lanes, count);
        }
        return Compare(ref scratch, count, TF.Select(isNormal, least, TF.Broadcast(float.MinValue)));
    }

    // Turns squares into the terms of the comparison without division.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PrepareComparison(ref IQ1Scratch<TSums> scratch, int shift, TF least, TF slack)
    {
        TF upperProducts = scratch.Sums.UpperProducts<TF, TI>(shift);
        ref float row = ref Unsafe.AsRef(in scratch.Sums.Products.RowsFrom<TF, TI>(0));
        ref float middles = ref scratch.Middles.RowsOf<TF, TI>(0, TSums.Shifts);
        ref float uppers = ref scratch.Uppers.RowsOf<TF, TI>(0, TSums.Shifts);
        ref float slopes = ref scratch.Slopes.RowsOf<TF, TI>(0, TSums.Shifts);
        nint at = shift * TF.Count;
        for (int rank = 0; rank <= TSums.Size; rank++)
        {
            TF before = TF.Load(in row);
            TF products = upperProducts - before;
            (products * TF.Broadcast(-2)).Store(ref Unsafe.Add(ref slopes, at));
            ref float middle = ref Unsafe.Add(ref middles, at);
            ((least * TF.Load(in middle)) - (products * products) - slack).Store(ref middle);
            ref float upper = ref Unsafe.Add(ref uppers, at);
            ((before * before) - (least * TF.Load(in upper))).Store(ref upper);
            row = ref Unsafe.Add(ref row, TF.Count);
            at += TSums.Shifts * TF.Count;
        }
    }

    // The score of a split that is likely the best, or near it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static TF Guess(ref IQ1Scratch<TSums> scratch, TF mean)
    {
        TF reached = TF.Broadcast(0);
        TF scales = reached;
        for (int shift = 0; shift < TSums.Shifts; shift++)
        {
            if (!IsAlike(shift))
                continue;
            TF scale = mean * TF.Broadcast(1.5f);
            for (int turn = 0; turn < 3; turn++)
            {
                IQ1Fit<TF, TI> fit = RoundAlike(ref scratch, shift, scale);
                scale = fit.Scale;
                reached = TF.Max(fit.Score, reached);
            }
            scales += scale;
        }
        // Groups that are shifted apart have a scale between.
        for (int shift = 0; shift < TSums.Shifts; shift++)
        {
            if (!IsAlike(shift))
                reached = TF.Max(RoundApart(ref scratch, shift, scales * TF.Broadcast(0.5f)).Score, reached);
        }
        return reached;
    }

    // Whether all groups are shifted in the same direction.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsAlike(int shift) => TSums.IsDown(shift, 0) == TSums.IsDown(shift, 1);

    // Rounds all weights to a scale and one shift.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static IQ1Fit<TF, TI> RoundAlike(ref IQ1Scratch<TSums> scratch, int shift, TF scale)
    {
        ref float before = ref Unsafe.AsRef(in scratch.Sums.Products.RowsFrom<TF, TI>(0));
        ref float middles = ref Unsafe.Add(ref scratch.Middles.RowsOf<TF, TI>(0, TSums.Shifts), shift * TF.Count);
        ref float uppers = ref Unsafe.Add(ref scratch.Uppers.RowsOf<TF, TI>(0, TSums.Shifts), shift * TF.Count);
        TF middleProducts = TF.Load(in before);
        TF upperProducts = middleProducts;
        TF middleSquares = TF.Load(in middles);
        TF upperSquares = TF.Load(in uppers);
        float center = TSums.IsDown(shift, 0) ? -IQ1Codebook.Delta : IQ1Codebook.Delta;
        TF lower = scale * TF.Broadcast(center - 0.5f);
        TF upper = scale * TF.Broadcast(center + 0.5f);
        for (int rank = 0; rank < TSums.Size; rank++)
        {
            before = ref Unsafe.Add(ref before, TF.Count);
            middles = ref Unsafe.Add(ref middles, TSums.Shifts * TF.Count);
            uppers = ref Unsafe.Add(ref uppers, TSums.Shifts * TF.Count);
            TF weight = scratch.SortedWeights.Row<TF, TI>(rank);
            TI isLow = TF.GreaterThan(lower, weight);
            TI isNotHigh = TF.GreaterThan(upper, weight);
            TF products = TF.Load(in before);
            middleProducts = TF.Select(isLow, products, middleProducts);
            middleSquares = TF.Select(isLow, TF.Load(in middles), middleSquares);
            upperProducts = TF.Select(isNotHigh, products, upperProducts);
            upperSquares = TF.Select(isNotHigh, TF.Load(in uppers), upperSquares);
        }
        return IQ1Fit<TF, TI>.Of(
            scratch.Sums.UpperProducts<TF, TI>(shift) - middleProducts - upperProducts, middleSquares + upperSquares);
    }

    // Rounds weights to a scale, of which either group has its own shift: the boundaries are ranks in both. What either of them
    // decides of the error is least. Negative weights are not at the upper level, nor others at the lowest.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static IQ1Fit<TF, TI> RoundApart(ref IQ1Scratch<TSums> scratch, int shift, TF scale)
    {
        ref float before = ref Unsafe.AsRef(in scratch.Sums.Products.RowsFrom<TF, TI>(0));
        ref float middles = ref Unsafe.Add(ref scratch.Middles.RowsOf<TF, TI>(0, TSums.Shifts), shift * TF.Count);
        ref float uppers = ref Unsafe.Add(ref scratch.Uppers.RowsOf<TF, TI>(0, TSums.Shifts), shift * TF.Count);
        TF middleProducts = TF.Load(in before);
        TF upperProducts = middleProducts;
        TF middleSquares = TF.Load(in middles);
        TF upperSquares = TF.Load(in uppers);
        TF half = scale * TF.Broadcast(0.5f);
        TF middleError = half * middleSquares;
        TF upperError = half * upperSquares;
        for (int rank = 0; rank < TSums.Size; rank++)
        {
            before = ref Unsafe.Add(ref before, TF.Count);
            middles = ref Unsafe.Add(ref middles, TSums.Shifts * TF.Count);
            uppers = ref Unsafe.Add(ref uppers, TSums.Shifts * TF.Count);
            TI isNegative = TF.GreaterThan(TF.Broadcast(0), scratch.SortedWeights.Row<TF, TI>(rank));
            TF products = TF.Load(in before);
            TF squares = TF.Load(in middles);
            TF error = products + (half * squares);
            TI isBetter = TF.GreaterThan(middleError, error) & isNegative;
            middleError = TF.Select(isBetter, error, middleError);
            middleProducts = TF.Select(isBetter, products, middleProducts);
            middleSquares = TF.Select(isBetter, squares, middleSquares);
            squares = TF.Load(in uppers);
            error = products + (half * squares);
            isBetter = TF.GreaterThan(upperError, error) | isNegative;
            upperError = TF.Select(isBetter, error, upperError);
            upperProducts = TF.Select(isBetter, products, upperProducts);
            upperSquares = TF.Select(isBetter, squares, upperSquares);
        }
        return IQ1Fit<TF, TI>.Of(
            scratch.Sums.UpperProducts<TF, TI>(shift) - middleProducts - upperProducts, middleSquares + upperSquares);
    }

    // Whether any split with a first boundary comes near the greatest score, and in which lanes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool AreAnyNear(ref IQ1Scratch<TSums> scratch, int middle, ref NearLanes lanes)
    {
        ref float slopes = ref scratch.Slopes.RowsOf<TF, TI>(middle, TSums.Shifts);
        ref float uppers = ref scratch.Uppers.RowsOf<TF, TI>(middle, TSums.Shifts);
        ref float before = ref Unsafe.AsRef(in scratch.Sums.Products.RowsFrom<TF, TI>(middle));
        TF slope0 = At(ref slopes, 0);
        TF slope1 = At(ref slopes, 1);
        TF slope2 = At(ref slopes, TSums.Shifts - 2);
        TF slope3 = At(ref slopes, TSums.Shifts - 1);
        TF most0 = TF.Broadcast(float.MinValue);
        TF most1 = most0;
        TF most2 = most0;
        TF most3 = most0;
        for (int upper = middle; upper <= TSums.Size; upper++)
        {
            TF products = TF.Load(in before);
            most0 = TF.Max(TF.MultiplyAddEstimate(slope0, products, At(ref uppers, 0)), most0);
            most1 = TF.Max(TF.MultiplyAddEstimate(slope1, products, At(ref uppers, 1)), most1);
            if (TSums.Shifts > 2)
            {
                most2 = TF.Max(TF.MultiplyAddEstimate(slope2, products, At(ref uppers, 2)), most2);
                most3 = TF.Max(TF.MultiplyAddEstimate(slope3, products, At(ref uppers, 3)), most3);
            }
            before = ref Unsafe.Add(ref before, TF.Count);
            uppers = ref Unsafe.Add(ref uppers, TSums.Shifts * TF.Count);
        }
        ref float bounds = ref scratch.Middles.RowsOf<TF, TI>(middle, TSums.Shifts);
        uint near0 = TF.GreaterThanBits(most0, At(ref bounds, 0));
        uint near1 = TF.GreaterThanBits(most1, At(ref bounds, 1));
        lanes.Near[0] = near0;
        lanes.Near[1] = near1;
        uint near = near0 | near1;
        if (TSums.Shifts > 2)
        {
            uint near2 = TF.GreaterThanBits(most2, At(ref bounds, 2));
            uint near3 = TF.GreaterThanBits(most3, At(ref bounds, 3));
            lanes.Near[2] = near2;
            lanes.Near[3] = near3;
            near |= near2 | near3;
        }
        return ((near & lanes.Sought) | lanes.Doubtful) != 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF At(ref float rows, int shift) => TF.Load(in Unsafe.Add(ref rows, shift * TF.Count));

    // Lists the splits with a first boundary that come near the greatest score in any lane, in ggml's order within a lane.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static int List(ref IQ1Scratch<TSums> scratch, int middle, ref readonly NearLanes lanes, int count)
    {
        // Most often no lane comes near under two shifts, so the shifts need not alternate.
        if (lanes.AreDisjoint)
        {
            for (int shift = 0; shift < TSums.Shifts; shift++)
            {
                if ((lanes.Near[shift] & lanes.Sought) != 0)
                    count = List(ref scratch, middle, shift, middle, TSums.Size, lanes, count);
            }
            return count;
        }
        for (int upper = middle; upper <= TSums.Size; upper++)
        {
            for (int shift = 0; shift < TSums.Shifts; shift++)
                count = List(ref scratch, middle, shift, upper, upper, lanes, count);
        }
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int List(
        ref IQ1Scratch<TSums> scratch, int middle, int shift, int firstUpper, int lastUpper, NearLanes lanes, int count)
    {
        TF slope = At(ref scratch.Slopes.RowsOf<TF, TI>(middle, TSums.Shifts), shift);
        TF bound = At(ref scratch.Middles.RowsOf<TF, TI>(middle, TSums.Shifts), shift);
        ref float before = ref Unsafe.AsRef(in scratch.Sums.Products.RowsFrom<TF, TI>(firstUpper));
        ref float uppers = ref Unsafe.Add(ref scratch.Uppers.RowsOf<TF, TI>(firstUpper, TSums.Shifts), shift * TF.Count);
        uint sought = lanes.Sought;
        uint doubtful = lanes.Doubtful;
        int split = IQ1NearSplit.Bits(middle, firstUpper, shift);
        for (int upper = firstUpper; upper <= lastUpper; upper++)
        {
            TF sum = TF.MultiplyAddEstimate(slope, TF.Load(in before), TF.Load(in uppers));
            uint near = (TF.GreaterThanBits(sum, bound) & sought) | doubtful;
            // Which splits are near is hard to predict, so this does not branch.
            scratch.Near[count] = new(split, near);
            count += near != 0 ? 1 : 0;
            split += IQ1NearSplit.Next;
            before = ref Unsafe.Add(ref before, TF.Count);
            uppers = ref Unsafe.Add(ref uppers, TSums.Shifts * TF.Count);
        }
        return count;
    }

    // No squares are below a 64th of the sum of the factors, and no score exceeds that sum times the greatest square. Scores
    // are compared by their products with the squares.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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

    // ggml's loop, over the splits near the greatest in any lane.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static IQ1Splits<TF, TI> Compare(ref IQ1Scratch<TSums> scratch, int count, TF best)
    {
        TI middle = TI.Broadcast(-1);
        TI upper = middle;
        TI shift = middle;
        TF scale = TF.Broadcast(0);
        for (int n = 0; n < count; n++)
        {
            IQ1NearSplit split = scratch.Near[n];
            (TF products, TF squares) = scratch.Sums.At<TF, TI>(split.Shift, split.Middle, split.Upper);
            TI isBetter = BlockLanes<TF, TI>.MaskOf(split.Lanes) & TF.GreaterThan(squares, TF.Broadcast(0))
                & TF.GreaterThan(products * products, best * squares);
            TF fitting = products / squares;
            best = TF.Select(isBetter, fitting * products, best);
            scale = TF.Select(isBetter, fitting, scale);
            middle = TI.Select(isBetter, TI.Broadcast(split.Middle), middle);
            upper = TI.Select(isBetter, TI.Broadcast(split.Upper), upper);
            shift = TI.Select(isBetter, TI.Broadcast(split.Shift), shift);
        }
        return new(middle, upper, shift, scale);
    }

    /// <summary>Lanes as bits, the first lane lowest.</summary>
    /// <param name="sought">Those that seek the splits near the greatest score.</param>
    /// <param name="doubtful">Those that seek all splits.</param>
    private struct NearLanes(uint sought, uint doubtful)
    {
        /// <summary>By shift, where any split with the same first boundary comes near.</summary>
        public ByShift Near;

        public readonly uint Sought => sought;

        public readonly uint Doubtful => doubtful;

        /// <summary>Whether no lane has to be listed under two shifts.</summary>
        public readonly bool AreDisjoint
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get
            {
                uint seen = doubtful;
                uint twice = doubtful;
                for (int shift = 0; shift < TSums.Shifts; shift++)
                {
                    twice |= seen & Near[shift] & sought;
                    seen |= Near[shift];
                }
                return twice == 0;
            }
        }
    }

    [InlineArray(4)]
    private struct ByShift
    {
        private uint _first;
    }
}

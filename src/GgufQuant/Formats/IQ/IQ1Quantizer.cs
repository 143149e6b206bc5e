using System.Numerics;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Quantizes to IQ1_S and IQ1_M.</summary>
/// <remarks>
/// <para>
/// The weights of a sub-block are sorted, and every way to split them into three runs is tried. The best split rounds
/// each group of eight to a point, or to the best of the points near it. Batches and lanes are as in
/// <see cref="ScaleMinBlocks{TFormat}"/>.
/// </para>
/// <para>
/// Of the points near a group, only <see cref="GridCandidates"/> are tried, on average one in six, if no weight is stray, that
/// is if none has a nearer level than the one it rounds to. That is decided by the differences d₀ ≤ d₁ ≤ d₂ between the scaled
/// levels and the weight, rounded as for the costs: it has the lowest level and |d₀| &lt; |d₁|, the highest one and
/// |d₂| &lt; |d₁|, or the middle one and neither holds. In the first case d₁ is positive, or |d₀| would not be less, and so
/// |d₁| ≤ |d₂|: each level farther from the group's code costs no less, even where sums are rounded or overflow. The second case
/// mirrors it. Groups with stray weights are rare: those of IQ1_M have their boundaries in common, however they are shifted.
/// </para>
/// </remarks>
internal readonly struct IQ1Quantizer<TFormat, TSums> : ILaneQuantizer
    where TFormat : struct, IIQ1Format
    where TSums : struct, IIQ1Sums
{
    private const int GroupSize = 8;

    // Digit 2 for every weight of a group.
    private const int AllUpper = 0xAAAA;

    private static int SubBlocks => SuperBlock.Size / TSums.Size;

    private static int GroupsPerSubBlock => TSums.Size / GroupSize;

    private static int GroupsPerSuperBlock => SuperBlock.Size / GroupSize;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize<TF, TI>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int batchSize = TF.Count;
        Span<float> padded = stackalloc float[batchSize * SuperBlock.Size];
        Span<float> factors = stackalloc float[batchSize * SuperBlock.Size];
        Span<int> codes = stackalloc int[batchSize * GroupsPerSuperBlock];
        Span<int> shifts = stackalloc int[batchSize * GroupsPerSuperBlock];
        Span<float> scales = stackalloc float[batchSize * SubBlocks];
        ref IQ1Scratch<TSums> scratch = ref Unsafe.As<float, IQ1Scratch<TSums>>(ref CacheLines.Align(
            stackalloc float[(Unsafe.SizeOf<IQ1Scratch<TSums>>() / sizeof(float)) + CacheLines.Spare]));
        Grid grid = Grid.IQ1;
        _ = grid.Candidates;

        int total = weights.Length / SuperBlock.Size;
        for (int first = 0; first < total; first += batchSize)
        {
            int count = Math.Min(batchSize, total - first);
            scoped ReadOnlySpan<float> batch = SuperBlock.Batch(weights, first, count, padded);
            Span<byte> target = blocks.Slice(first * TFormat.BlockBytes, count * TFormat.BlockBytes);
            if (importance.IsEmpty)
                Square<TF, TI>(batch, factors);
            else
                ImportanceFactors<TF, TI>.WithVariance(batch, 2, count, first, rowLength, importance, factors);

            for (int s = 0; s < count * SubBlocks; s += TF.Count)
            {
                Rounding rounding = new(
                    batch.Slice(s * TSums.Size, TF.Count * TSums.Size),
                    factors.Slice(s * TSums.Size, TF.Count * TSums.Size),
                    codes.Slice(s * GroupsPerSubBlock, TF.Count * GroupsPerSubBlock),
                    shifts.Slice(s * GroupsPerSubBlock, TF.Count * GroupsPerSubBlock),
                    scales.Slice(s, TF.Count));
                Transposition.Run(in rounding.Weights[0], TF.Count, TSums.Size, ref scratch.Weights.AsSpan()[0]);
                Transposition.Run(in rounding.Factors[0], TF.Count, TSums.Size, ref scratch.Factors.AsSpan()[0]);
                TF scale = Split<TF, TI>(rounding, ref scratch);
                uint moved = Move<TF, TI>(rounding, scale, ref scratch, grid);
                Fit<TF, TI>(ref scratch, BlockLanes<TF, TI>.MaskOf(moved), scale).Store(ref rounding.Scales[0]);
            }
            target.Clear();
            TFormat.Pack<TF, TI>(new(batch, factors, codes, shifts, scales, count), target);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Square<TF, TI>(ReadOnlySpan<float> weights, Span<float> factors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        for (int i = 0; i < weights.Length; i += TF.Count)
        {
            TF weight = TF.Load(in weights[i]);
            (weight * weight).Store(ref factors[i]);
        }
    }

    /// <summary>Rounds sub-blocks by their best splits, to codes that may be off the grid.</summary>
    /// <returns>The scales that fit best.</returns>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static TF Split<TF, TI>(Rounding rounding, ref IQ1Scratch<TSums> scratch)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<float> weights = scratch.SortedWeights.AsSpan();
        IQ1Order<TF, TI, TSums>.Sort(rounding.Weights, rounding.Factors, ref scratch);
        scratch.Sums.AddUp<TF, TI>(scratch.Order.AsIntegers(), weights, scratch.SortedFactors.AsSpan());
        TF greatest = TF.Max(
            TF.Abs(TF.Load(in weights[0])), TF.Abs(TF.Load(in weights[(TSums.Size - 1) * TF.Count])));
        TI isNegligible = TF.GreaterThan(TF.Broadcast(TFormat.Negligible), greatest);
        IQ1Splits<TF, TI> splits = IQ1SplitSearch<TF, TI, TSums>.Best(ref scratch, greatest, ~isNegligible);

        Boundary<TF, TI> middle = Boundary<TF, TI>.At(splits.Middle, ref scratch);
        Boundary<TF, TI> upper = Boundary<TF, TI>.At(splits.Upper, ref scratch);
        TI isTurned = TF.GreaterThan(TF.Broadcast(0), splits.Scale);
        TF scale = TF.Abs(splits.Scale);
        for (int g = 0; g < GroupsPerSubBlock; g++)
        {
            TI isDown = TI.Broadcast(0);
            for (int shift = 0; shift < TSums.Shifts; shift++)
            {
                if (TSums.IsDown(shift, g))
                    isDown |= TI.Equal(splits.Shift, TI.Broadcast(shift));
            }
            TF lowest = scale * TF.Select(isDown, TF.Broadcast(-1 - IQ1Codebook.Delta), TF.Broadcast(-1 + IQ1Codebook.Delta));
            TF center = scale * TF.Select(isDown, TF.Broadcast(-IQ1Codebook.Delta), TF.Broadcast(IQ1Codebook.Delta));
            TF highest = scale * TF.Select(isDown, TF.Broadcast(1 - IQ1Codebook.Delta), TF.Broadcast(1 + IQ1Codebook.Delta));
            TI code = TI.Broadcast(0);
            // Turned groups are too rare to be worth a comparison of their own.
            TI isStray = isTurned;
            for (int i = 0; i < GroupSize; i++)
            {
                int index = (g * GroupSize) + i;
                TF weight = scratch.Weights.Row<TF, TI>(index);
                TI isMiddle = middle.IsAtOrAfter(weight, index);
                TI isUpper = upper.IsAtOrAfter(weight, index);
                // A digit is how many boundaries the weight is not before; a mask is -1.
                code -= (isMiddle + isUpper) << (2 * i);
                TF fromCenter = TF.Abs(center - weight);
                TI isNearLowest = TF.GreaterThan(fromCenter, TF.Abs(lowest - weight));
                TI isNearHighest = TF.GreaterThan(fromCenter, TF.Abs(highest - weight));
                isStray |= ~(isNearLowest ^ isMiddle) | (isNearHighest ^ isUpper);
            }
            TI.Select(isTurned, TI.Broadcast(AllUpper) - code, code).Store(ref scratch.Codes[g * TF.Count]);
            TI.Select(isDown ^ isTurned, TI.Broadcast(-1), TI.Broadcast(1)).Store(ref scratch.Shifts[g * TF.Count]);
            isStray.Store(ref scratch.IsStray[g * TF.Count]);
        }
        return scale;
    }

    /// <summary>Replaces the off-grid codes by the best nearby points.</summary>
    /// <returns>The lanes that had any, as bits.</returns>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Move<TF, TI>(Rounding rounding, TF scale, ref IQ1Scratch<TSums> scratch, Grid grid)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        scale.Store(ref rounding.Scales[0]);
        ReadOnlySpan<int> map = grid.Neighbours.Map;
        int count = 0;
        int strays = 0;
        for (int lane = 0; lane < TF.Count; lane++)
        {
            for (int g = 0; g < GroupsPerSubBlock; g++)
            {
                int group = (lane * GroupsPerSubBlock) + g;
                int code = scratch.Codes[(g * TF.Count) + lane];
                rounding.Codes[group] = code;
                rounding.Shifts[group] = scratch.Shifts[(g * TF.Count) + lane];
                // Which codes are off the grid is hard to predict, so this does not branch.
                scratch.OffGrid[count] = group;
                scratch.Strays[strays] = group;
                int isStray = -scratch.IsStray[(g * TF.Count) + lane];
                int isOffGrid = map[code] >>> 31;
                count += isOffGrid & ~isStray;
                strays += isOffGrid & isStray;
            }
        }
        uint moved = 0;
        GridCandidates candidates = grid.Candidates;
        for (int n = 0; n < count; n++)
        {
            int group = scratch.OffGrid[n];
            moved |= Move<TF, TI, int>(rounding, group, in candidates.ListAt(rounding.Codes[group]), ref scratch);
        }
        for (int n = 0; n < strays; n++)
        {
            int group = scratch.Strays[n];
            moved |= Move<TF, TI, ushort>(rounding, group, in grid.Neighbours.ListAt(map[rounding.Codes[group]]), ref scratch);
        }
        return moved;
    }

    // Returns the group's lane as a bit.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Move<TF, TI, TCode>(Rounding rounding, int group, ref readonly TCode list, ref IQ1Scratch<TSums> scratch)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
        where TCode : unmanaged, IBinaryInteger<TCode>
    {
        (int lane, int g) = Math.DivRem(group, GroupsPerSubBlock);
        int code = GridSearch<TF, TI>.Nearest(
            in list,
            GroupSize,
            in rounding.Weights[group * GroupSize],
            in rounding.Factors[group * GroupSize],
            in IQ1Codebook.Levels(rounding.Shifts[group])[0],
            rounding.Scales[lane],
            ref scratch.Costs[0]);
        if (code < 0)
            throw new ArithmeticException($"The weights cannot be quantized to {TFormat.Name}: some squares times their importance overflow a float.");
        rounding.Codes[group] = code;
        scratch.Codes[(g * TF.Count) + lane] = code;
        return 1u << lane;
    }

    /// <summary>The scales that fit the points, in the lanes that were moved to some.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static TF Fit<TF, TI>(ref IQ1Scratch<TSums> scratch, TI isMoved, TF scale)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF zero = TF.Broadcast(0);
        TF products = zero;
        TF squares = zero;
        for (int g = 0; g < GroupsPerSubBlock; g++)
        {
            TI code = TI.Load(in scratch.Codes[g * TF.Count]);
            TI isDown = TI.GreaterThan(TI.Broadcast(0), TI.Load(in scratch.Shifts[g * TF.Count]));
            TF lowest = TF.Select(
                isDown, TF.Broadcast(-1 - IQ1Codebook.Delta), TF.Broadcast(-1 + IQ1Codebook.Delta));
            for (int i = g * GroupSize; i < (g + 1) * GroupSize; i++, code >>= 2)
            {
                TF level = TI.ToFloat(code & TI.Broadcast(3)) + lowest;
                TF weighted = scratch.Factors.Row<TF, TI>(i) * level;
                products += weighted * scratch.Weights.Row<TF, TI>(i);
                squares += weighted * level;
            }
        }
        TI isFitting = isMoved & TF.GreaterThan(products, zero) & TF.GreaterThan(squares, zero);
        scale = TF.Select(isFitting, products / squares, scale);
        if (TI.Any(~(TF.GreaterThan(scale, zero) | TF.Equal(scale, zero))))
            throw new ArithmeticException($"The weights cannot be quantized to {TFormat.Name}: their sums overflow a float.");
        return scale;
    }

    /// <summary>One sub-block per lane, and what each is rounded to.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="factors">Their importance.</param>
    /// <param name="codes">The code of the point of every eight weights.</param>
    /// <param name="shifts">For every eight weights, -1 if the levels are shifted down, else 1.</param>
    /// <param name="scales">The scale of each sub-block.</param>
    private readonly ref struct Rounding(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> factors, Span<int> codes, Span<int> shifts, Span<float> scales)
    {
        public ReadOnlySpan<float> Weights { get; } = weights;

        public ReadOnlySpan<float> Factors { get; } = factors;

        public Span<int> Codes { get; } = codes;

        public Span<int> Shifts { get; } = shifts;

        public Span<float> Scales { get; } = scales;
    }

    /// <summary>A place in the order of the weights, in each lane: that of a weight, or the end.</summary>
    private readonly struct Boundary<TF, TI>
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        private readonly TF _weight;
        private readonly TI _index;

        private Boundary(TF weight, TI index)
        {
            _weight = weight;
            _index = index;
        }

        /// <summary>The place of a rank; the end if it is negative, or there are no more weights.</summary>
        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static Boundary<TF, TI> At(TI rank, ref IQ1Scratch<TSums> scratch)
        {
            Span<int> ranks = stackalloc int[TF.Count];
            Span<int> indices = stackalloc int[TF.Count];
            Span<float> weights = stackalloc float[TF.Count];
            rank.Store(ref ranks[0]);
            Span<float> sorted = scratch.SortedWeights.AsSpan();
            Span<int> order = scratch.Order.AsIntegers();
            for (int lane = 0; lane < TF.Count; lane++)
            {
                int at = (ranks[lane] * TF.Count) + lane;
                bool isEnd = (uint)ranks[lane] >= (uint)TSums.Size;
                weights[lane] = isEnd ? float.PositiveInfinity : sorted[at];
                indices[lane] = isEnd ? 0 : order[at];
            }
            return new(TF.Load(in weights[0]), TI.Load(in indices[0]));
        }

        /// <summary>Whether a weight is at this place or after it.</summary>
        /// <param name="weight">The weight.</param>
        /// <param name="index">Its index, which decides between equals.</param>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TI IsAtOrAfter(TF weight, int index) =>
            TF.GreaterThan(weight, _weight)
                | (TF.Equal(weight, _weight) & TI.GreaterThan(TI.Broadcast(index + 1), _index));
    }
}

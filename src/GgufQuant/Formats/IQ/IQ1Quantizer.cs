using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Quantizes to IQ1_S and IQ1_M.</summary>
/// <remarks>
/// The weights of a sub-block are sorted, and every way to split them into three runs is tried. The best split rounds
/// each group of eight to a point, or to the best of the points near it. Batches and lanes are as in
/// <see cref="ScaleMinBlocks{TFormat}"/>.
/// </remarks>
internal readonly struct IQ1Quantizer<TFormat, TSums> : ILaneQuantizer
    where TFormat : struct, IIQ1Format
    where TSums : struct, IIQ1Sums
{
    private const int GroupSize = 8;

    // Digit 2 for every weight.
    private const ulong AllUpper = 0xAAAAAAAAAAAAAAAA;

    private static readonly int[] s_indices = [.. Enumerable.Range(0, 32)];

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
        GridNeighbours neighbours = Grid.IQ1.Neighbours;

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
                Split<TF, TI>(rounding, neighbours);
                // The prefetched neighbour lists have arrived by the time all splits are found.
                for (int lane = 0; lane < TF.Count; lane++)
                    Settle<TF, TI>(rounding, lane, neighbours);
            }
            target.Clear();
            for (int b = 0; b < count; b++)
            {
                TFormat.Pack(
                    batch.Slice(b * SuperBlock.Size, SuperBlock.Size),
                    factors.Slice(b * SuperBlock.Size, SuperBlock.Size),
                    codes.Slice(b * GroupsPerSuperBlock, GroupsPerSuperBlock),
                    neighbours.Map,
                    shifts.Slice(b * GroupsPerSuperBlock, GroupsPerSuperBlock),
                    scales.Slice(b * SubBlocks, SubBlocks),
                    target.Slice(b * TFormat.BlockBytes, TFormat.BlockBytes));
            }
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
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Split<TF, TI>(Rounding rounding, GridNeighbours neighbours)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<int> ranks = stackalloc int[TF.Count * TSums.Size];
        Span<float> greatest = stackalloc float[TF.Count];
        Unsafe.SkipInit(out TSums sums);
        for (int lane = 0; lane < TF.Count; lane++)
        {
            ReadOnlySpan<float> weights = rounding.Weights.Slice(lane * TSums.Size, TSums.Size);
            Span<int> laneRanks = ranks.Slice(lane * TSums.Size, TSums.Size);
            greatest[lane] = BlockLanes<TF, TI>.MaxMagnitude(in weights[0], TSums.Size);
            Rank<TF, TI>(weights, laneRanks);
            sums.Take<TF, TI>(lane, weights, rounding.Factors.Slice(lane * TSums.Size, TSums.Size), laneRanks);
        }
        TF factorSum = sums.AddUp<TF, TI>();
        TF magnitudes = TF.Load(in greatest[0]);
        TI isNegligible = TF.GreaterThan(TF.Broadcast(TFormat.Negligible), magnitudes);
        IQ1Splits<TF, TI> splits = IQ1SplitSearch<TF, TI, TSums>.Best(ref sums, factorSum, magnitudes, ~isNegligible);

        Span<int> middles = stackalloc int[TF.Count];
        Span<int> uppers = stackalloc int[TF.Count];
        Span<int> shifts = stackalloc int[TF.Count];
        splits.Middle.Store(ref middles[0]);
        splits.Upper.Store(ref uppers[0]);
        splits.Shift.Store(ref shifts[0]);
        splits.Scale.Store(ref rounding.Scales[0]);
        for (int lane = 0; lane < TF.Count; lane++)
        {
            Span<int> laneCodes = rounding.Codes.Slice(lane * GroupsPerSubBlock, GroupsPerSubBlock);
            Span<int> laneShifts = rounding.Shifts.Slice(lane * GroupsPerSubBlock, GroupsPerSubBlock);
            ref float scale = ref rounding.Scales[lane];
            if (middles[lane] < 0)
            {
                laneCodes.Clear();
                laneShifts.Fill(1);
                continue;
            }
            bool isTurned = scale < 0;
            scale = Math.Abs(scale);
            ReadOnlySpan<int> laneRanks = ranks.Slice(lane * TSums.Size, TSums.Size);
            ulong digits = AtLeast<TF, TI>(laneRanks, middles[lane]) + AtLeast<TF, TI>(laneRanks, uppers[lane]);
            if (isTurned)
                digits = AllUpper - digits;
            for (int g = 0; g < GroupsPerSubBlock; g++)
            {
                laneShifts[g] = TSums.IsDown(shifts[lane], g) ^ isTurned ? -1 : 1;
                laneCodes[g] = (ushort)(digits >> (16 * g));
                neighbours.Prefetch(laneCodes[g]);
            }
        }
    }

    /// <summary>How many weights precede each in ascending order; equal ones keep their order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rank<TF, TI>(ReadOnlySpan<float> weights, Span<int> ranks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        for (int i = 0; i < TSums.Size; i += TF.Count)
        {
            TF own = TF.Load(in weights[i]);
            TI index = TI.Load(in s_indices[i]);
            TI rank = TI.Broadcast(0);
            for (int j = 0; j < TSums.Size; j++)
            {
                TF other = TF.Broadcast(weights[j]);
                rank -= TF.GreaterThan(own, other) | (TF.Equal(own, other) & TI.GreaterThan(index, TI.Broadcast(j)));
            }
            rank.Store(ref ranks[i]);
        }
    }

    /// <summary>Digit 1 for each weight whose rank is at least a bound, two bits per digit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong AtLeast<TF, TI>(ReadOnlySpan<int> ranks, int least)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        ulong bits = 0;
        for (int i = 0; i < TSums.Size; i += TF.Count)
            bits |= (ulong)TI.MaskBits(TI.GreaterThan(TI.Load(in ranks[i]), TI.Broadcast(least - 1))) << i;
        bits = (bits | (bits << 16)) & 0x0000FFFF0000FFFF;
        bits = (bits | (bits << 8)) & 0x00FF00FF00FF00FF;
        bits = (bits | (bits << 4)) & 0x0F0F0F0F0F0F0F0F;
        bits = (bits | (bits << 2)) & 0x3333333333333333;
        return (bits | (bits << 1)) & 0x5555555555555555;
    }

    /// <summary>Replaces the off-grid codes of a sub-block by the best nearby points.</summary>
    /// <remarks>The scale becomes the one that fits the points.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Settle<TF, TI>(Rounding rounding, int lane, GridNeighbours neighbours)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        ReadOnlySpan<float> weights = rounding.Weights.Slice(lane * TSums.Size, TSums.Size);
        ReadOnlySpan<float> factors = rounding.Factors.Slice(lane * TSums.Size, TSums.Size);
        Span<int> codes = rounding.Codes.Slice(lane * GroupsPerSubBlock, GroupsPerSubBlock);
        ReadOnlySpan<int> shifts = rounding.Shifts.Slice(lane * GroupsPerSubBlock, GroupsPerSubBlock);
        ref float scale = ref rounding.Scales[lane];
        Unsafe.SkipInit(out Costs costs);
        bool allOnGrid = true;
        for (int g = 0; g < codes.Length; g++)
        {
            int mapped = neighbours.Map[codes[g]];
            if (mapped >= 0)
                continue;
            allOnGrid = false;
            codes[g] = GridSearch<TF, TI>.Nearest(
                in neighbours.ListAt(mapped),
                GroupSize,
                in weights[g * GroupSize],
                in factors[g * GroupSize],
                in IQ1Codebook.Levels(shifts[g])[0],
                scale,
                ref costs[0]);
            if (codes[g] < 0)
                throw new ArithmeticException($"The weights cannot be quantized to {TFormat.Name}: some squares times their importance overflow a float.");
        }
        if (!allOnGrid)
        {
            float products = 0;
            float squares = 0;
            for (int g = 0; g < codes.Length; g++)
            {
                ReadOnlySpan<float> levels = IQ1Codebook.Levels(shifts[g]);
                int code = codes[g];
                for (int i = g * GroupSize; i < (g + 1) * GroupSize; i++, code >>= 2)
                {
                    float level = levels[code & 3];
                    float weighted = factors[i] * level;
                    products += weighted * weights[i];
                    squares += weighted * level;
                }
            }
            if (products > 0 && squares > 0)
                scale = products / squares;
        }
        if (!(scale >= 0))
            throw new ArithmeticException($"The weights cannot be quantized to {TFormat.Name}: their sums overflow a float.");
    }

    // A row for each weight of a group: see GridSearch.
    [InlineArray(GroupSize * GridSearch<FloatLane, IntLane>.Row)]
    private struct Costs
    {
        private float _first;
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
}

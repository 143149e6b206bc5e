using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Quantizes the IQ2 and IQ3 family: ggml's search, with a lane for each candidate scale.</summary>
/// <remarks>
/// <para>
/// ggml tries the scales of a sub-block one after the other, but carries over only which was the best so far. So all are
/// computed side by side, each lane in ggml's order of operations, and the best is chosen from the stored sums in ggml's
/// order.
/// </para>
/// <para>
/// Under consecutive scales a group rounds to one code, and chooses among the same points, those of
/// <see cref="GridCandidates"/>. <see cref="GridRuns{TFormat, TF, TI}"/> chooses under all of them at once. Where that is not
/// clear, or where a weight lies within 2⁻¹⁵ of halfway between two levels, the choice is among all neighbours of the code,
/// and if it is not clear either, costs are added up in ggml's order. In units of half the distance between levels, a weight's
/// computed level is wrong by at most 51 · 2⁻²⁴, and its computed difference from a level by at most 32 · 2⁻²⁴: together
/// less than a sixth of that. If all neighbours are equally far, none is left out, so it does not matter where weights lie.
/// </para>
/// <para>
/// Where all groups keep their codes from one scale to the next, so do the sums. ggml keeps the first of equals, unless
/// rounding makes it keep the next: that has the same points and scale, but if other groups are off the grid, others
/// are rounded again. So only scales with the same codes and the same groups off the grid count once.
/// </para>
/// <para>
/// The scale that is fitted to the points mostly lies between two candidates. Rounding is monotonic in the inverse of the scale,
/// and a clear choice under two scales holds between them, so a group that keeps its code from the one to the other is not
/// rounded again. Others choose among candidates as well, unless a weight lies close to halfway. If no point changes, the scale is
/// the same sums' quotient as before.
/// </para>
/// </remarks>
internal readonly struct GridQuantizer<TFormat> : ILaneQuantizer
    where TFormat : struct, IGridFormat
{
    // In units of half the distance between levels: see the remarks.
    private const float SurelyRounded = 1 - (1 / 32768f);

    // Sums within this range, and gains as well, are far from the ends of a float's range in all their products.
    private const float Small = 1e-15f;
    private const float Great = 1e15f;

    // Of a gain: ggml's comparison and the quotient together are off by less than ten times 2⁻²⁴.
    private const float SurelyLess = 1 - (1 / 1048576f);

    private const int Quad = 4;

    // Super-blocks.
    private const int SumsAtOnce = 4;

    private static readonly float[] s_numerators = MakeNumerators();

    // What a digit is multiplied by in a code, from the lowest one on.
    private static ReadOnlySpan<int> Places
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.Dimensions == 8
            ? [1, 4, 16, 64, 256, 1024, 4096, 16384, 1, 4, 16, 64, 256, 1024, 4096, 16384]
            : [1, 8, 64, 512, 1, 8, 64, 512, 1, 8, 64, 512, 1, 8, 64, 512];
    }

    private static ReadOnlySpan<int> FirstsOfQuads
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => [0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12];
    }

    private static int DigitBits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.Dimensions == 8 ? 2 : 3;
    }

    private static int MaxDigit
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.Dimensions == 8 ? 2 : 7;
    }

    private static int MaxLevel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (2 * MaxDigit) + 1;
    }

    private static int Steps
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (2 * TFormat.Reach) + 1;
    }

    private static int SubBlockSize
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.ScaleRun;
    }

    private static int SubBlocks
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.BlockSize / SubBlockSize;
    }

    // A batch has 16 groups.
    private static int SubBlocksAtOnce
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => GridBatch.Groups / Groups;
    }

    private static int Groups
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => SubBlockSize / TFormat.Dimensions;
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize<TF, TI>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        // A whole number of cache lines.
        int stride = (Unsafe.SizeOf<GridScratch>() + 63) / 64 * 64;
        ref byte scratches = ref Unsafe.As<float, byte>(
            ref CacheLines.Align(stackalloc float[(BlocksAtOnce<TF, TI>() * stride / sizeof(float)) + CacheLines.Spare]));
        ref GridBatch batch = ref Unsafe.As<float, GridBatch>(
            ref CacheLines.Align(stackalloc float[(Unsafe.SizeOf<GridBatch>() / sizeof(float)) + CacheLines.Spare]));
        GridNeighbours neighbours = TFormat.Grid.Neighbours;
        GridCandidates candidates = TFormat.Grid.Candidates;
        Span<float> squares = stackalloc float[SumsAtOnce];
        int column = 0;
        int count = weights.Length / TFormat.BlockSize;
        for (int first = 0; first < count; first += BlocksAtOnce<TF, TI>())
        {
            int end = Math.Min(count, first + BlocksAtOnce<TF, TI>());
            for (int b = first; b < end; b++)
            {
                if (b % SumsAtOnce == 0)
                    SumSquares(weights.Slice(b * TFormat.BlockSize, Math.Min(SumsAtOnce, count - b) * TFormat.BlockSize), squares);
                Prepare<TF, TI>(
                    ref Unsafe.As<byte, GridScratch>(ref Unsafe.Add(ref scratches, (b - first) * stride)),
                    weights.Slice(b * TFormat.BlockSize, TFormat.BlockSize),
                    importance.IsEmpty ? default : importance.Slice(column, TFormat.BlockSize),
                    squares[b % SumsAtOnce]);
                column = column + TFormat.BlockSize == rowLength ? 0 : column + TFormat.BlockSize;
            }
            if (TFormat.StartsFromFit)
                FitWithoutGrid<TF, TI>(ref scratches, stride, (end - first) * SubBlocks);
            for (int b = first; b < end; b++)
            {
                QuantizeBlock<TF, TI>(
                    ref Unsafe.As<byte, GridScratch>(ref Unsafe.Add(ref scratches, (b - first) * stride)),
                    ref batch,
                    neighbours,
                    candidates,
                    blocks.Slice(b * TFormat.BlockBytes, TFormat.BlockBytes));
            }
        }
    }

    // As many super-blocks as have two sub-blocks for each lane, where their first fits are searched side by side.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int BlocksAtOnce<TF, TI>()
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
        => TFormat.StartsFromFit ? Math.Max(1, 2 * TF.Count / SubBlocks) : 1;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void QuantizeBlock<TF, TI>(
        ref GridScratch scratch, ref GridBatch batch, GridNeighbours neighbours, GridCandidates candidates, Span<byte> block)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        block.Clear();
        ((Span<int>)scratch.Points).Clear();
        uint zeros = 0;
        float maxScale = 0;
        for (int first = 0; first < SubBlocks; first += SubBlocksAtOnce)
        {
            zeros |= StartBatch<TF, TI>(ref scratch, ref batch, first);
            GridRuns<TFormat, TF, TI>.FindPoints(ref scratch, ref batch, neighbours, candidates, first * Groups, zeros >> first);
            Fit<TF, TI>(ref scratch, ref batch, neighbours, candidates, first, zeros >> first);
            for (int s = first; s < first + SubBlocksAtOnce; s++)
            {
                if ((zeros >> s & 1) != 0)
                    continue;
                float scale = batch.Fits[s - first];
                if (scale < 0)
                {
                    scale = -scale;
                    for (int g = s * SubBlockSize / 8; g < (s + 1) * SubBlockSize / 8; g++)
                        scratch.Signs[g] = (byte)~scratch.Signs[g];
                }
                scratch.SubScales[s] = scale >= 0 ? scale : throw GridLines<TFormat, TF, TI>.Unrepresentable();
                maxScale = maxScale > scale ? maxScale : scale;
            }
        }
        ReadOnlySpan<int> map = neighbours.Map;
        for (int g = 0; g < TFormat.BlockSize / TFormat.Dimensions; g++)
            scratch.Points[g] = map[scratch.Points[g]];
        TFormat.Pack(
            ((ReadOnlySpan<int>)scratch.Points)[..(TFormat.BlockSize / TFormat.Dimensions)],
            scratch.Signs,
            ((ReadOnlySpan<float>)scratch.SubScales)[..SubBlocks],
            zeros,
            maxScale,
            block);
    }

    // Σ weight² of up to four super-blocks, of four at once, since each addition waits for the one before it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumSquares(ReadOnlySpan<float> weights, Span<float> sums)
    {
        if (weights.Length == SumsAtOnce * TFormat.BlockSize)
        {
            ref float weight = ref MemoryMarshal.GetReference(weights);
            float first = 0;
            float second = 0;
            float third = 0;
            float fourth = 0;
            for (nint i = 0; i < TFormat.BlockSize; i++)
            {
                first += Square(Unsafe.Add(ref weight, i));
                second += Square(Unsafe.Add(ref weight, i + TFormat.BlockSize));
                third += Square(Unsafe.Add(ref weight, i + (2 * TFormat.BlockSize)));
                fourth += Square(Unsafe.Add(ref weight, i + (3 * TFormat.BlockSize)));
            }
            sums[0] = first;
            sums[1] = second;
            sums[2] = third;
            sums[3] = fourth;
            return;
        }
        sums.Clear();
        for (int i = 0; i < weights.Length; i++)
            sums[i / TFormat.BlockSize] += Square(weights[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Square(float weight) => weight * weight;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Prepare<TF, TI>(
        ref GridScratch scratch, ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, float squares)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF variance = TF.Broadcast(TFormat.VarianceFactor * squares / TFormat.BlockSize);
        TF zero = TF.Broadcast(0);
        TF sumOfRoots = zero;
        for (int g = 0; g < TFormat.BlockSize / 8; g++)
            scratch.Signs[g] = 0;
        for (int i = 0; i < TFormat.BlockSize; i += TF.Count)
        {
            TF weight = TF.Load(in weights[i]);
            TF factor = importance.IsEmpty
                ? TFormat.FactorWithoutImatrix<TF, TI>(weight, variance)
                : TF.Load(in importance[i]) * TF.Sqrt(variance + (weight * weight));
            factor.Store(ref scratch.Factors[i]);
            TF root = TF.Sqrt(factor);
            root.Store(ref scratch.Roots[i]);
            sumOfRoots += root;
            (factor * weight * weight).Store(ref scratch.Products[i]);
            TI negative = TF.GreaterThan(zero, weight);
            TF.Select(negative, -weight, weight).Store(ref scratch.Magnitudes[i]);
            uint signs = TI.MaskBits(negative) << (i % 8);
            for (int k = 0; k < TF.Count; k += 8, signs >>= 8)
                scratch.Signs[(i + k) / 8] |= (byte)signs;
        }
        if (TFormat.SevenSigns)
            MakeSignsEven<TF, TI>(ref scratch);
        for (int i = 0; i < TFormat.BlockSize; i += TF.Count)
        {
            TF magnitude = TF.Load(in scratch.Magnitudes[i]);
            (TF.Load(in scratch.Factors[i]) * magnitude).Store(ref scratch.Products[i]);
            TF rootProduct = TF.Load(in scratch.Roots[i]) * magnitude;
            rootProduct.Store(ref scratch.RootProducts[i]);
            (rootProduct * magnitude).Store(ref scratch.Energies[i]);
        }
        scratch.HasSafeFactors = GridLines<TFormat, TF, TI>.AreSafe(sumOfRoots);
    }

    // Flips the sign of the least important weight of eight if the number of negative signs is odd. Products holds each weight's
    // energy. Half of the numbers are odd, and the least may be any: both are beyond what a processor can predict.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MakeSignsEven<TF, TI>(ref GridScratch scratch)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<float> energies = stackalloc float[8 * TF.Count];
        Span<int> leastImportant = stackalloc int[TF.Count];
        for (int first = 0; first < TFormat.BlockSize / 8; first += TF.Count)
        {
            Transposition.Run(in scratch.Products[8 * first], TF.Count, 8, ref energies[0]);
            TF least = TF.Load(in energies[0]);
            TI leastAt = TI.Broadcast(0);
            for (int i = 1; i < 8; i++)
            {
                TF energy = TF.Load(in energies[i * TF.Count]);
                TI isLess = TF.GreaterThan(least, energy);
                least = TF.Select(isLess, energy, least);
                leastAt = TI.Select(isLess, TI.Broadcast(i), leastAt);
            }
            leastAt.Store(ref leastImportant[0]);
            for (int lane = 0; lane < TF.Count; lane++)
            {
                int at = leastImportant[lane];
                int isOdd = BitOperations.PopCount(scratch.Signs[first + lane]) & 1;
                Unsafe.As<float, int>(ref scratch.Magnitudes[(8 * (first + lane)) + at]) ^= isOdd << 31;
                scratch.Signs[first + lane] ^= (byte)(isOdd << at);
            }
        }
    }

    /// <summary>The scale of each sub-block if its levels were unconstrained; the candidate scales surround it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FitWithoutGrid<TF, TI>(ref byte scratches, int stride, int count)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int lanes = 2 * TF.Count;
        Span<float> magnitudes = stackalloc float[SubBlockSize * lanes];
        Span<float> factors = stackalloc float[SubBlockSize * lanes];
        Span<int> levels = stackalloc int[SubBlockSize * lanes];
        Span<float> scales = stackalloc float[lanes];
        for (int first = 0; first < count; first += lanes)
        {
            for (int lane = 0; lane < Math.Min(lanes, count - first); lane++)
            {
                ref GridScratch scratch = ref Unsafe.As<byte, GridScratch>(ref Unsafe.Add(ref scratches, (first + lane) / SubBlocks * stride));
                int start = (first + lane) % SubBlocks * SubBlockSize;
                int at = (lane / TF.Count * SubBlockSize * TF.Count) + (lane % TF.Count);
                for (int i = 0; i < SubBlockSize; i++)
                {
                    magnitudes[at + (i * TF.Count)] = scratch.Magnitudes[start + i];
                    factors[at + (i * TF.Count)] = scratch.Factors[start + i];
                }
            }
            PositiveScaleSearch<TF, TI>.RunTwo(ref magnitudes[0], ref factors[0], SubBlockSize, MaxDigit + 2, ref levels[0], out TF second)
                .Store(ref scales[0]);
            second.Store(ref scales[TF.Count]);
            for (int lane = 0; lane < Math.Min(lanes, count - first); lane++)
            {
                ref GridScratch scratch = ref Unsafe.As<byte, GridScratch>(ref Unsafe.Add(ref scratches, (first + lane) / SubBlocks * stride));
                scratch.SubScales[(first + lane) % SubBlocks] = scales[lane];
            }
        }
    }

    /// <summary>Rounds the groups of the next sub-blocks under all scales.</summary>
    /// <returns>A bit for each sub-block that counts as zero.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint StartBatch<TF, TI>(ref GridScratch scratch, ref GridBatch batch, int first)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        uint zeros = 0;
        ((Span<uint>)batch.Certain).Clear();
        for (int s = first; s < first + SubBlocksAtOnce; s++)
        {
            ref float magnitudes = ref scratch.Magnitudes[s * SubBlockSize];
            TF greatest = TF.Load(in magnitudes);
            for (int i = TF.Count; i < SubBlockSize; i += TF.Count)
                greatest = TF.Max(greatest, TF.Load(in Unsafe.Add(ref magnitudes, i)));
            float magnitude = TF.MaxAcross(greatest);
            float range = magnitude;
            bool isZero = range < TFormat.Negligible;
            if (TFormat.StartsFromFit)
            {
                range = scratch.SubScales[s] * (MaxDigit + 1);
                isZero |= range <= 0;
            }
            else
            {
                scratch.SubScales[s] = range / MaxLevel;
            }
            if (isZero)
            {
                zeros |= 1u << s;
                scratch.SubScales[s] = 0;
                ClearSigns(ref scratch, s);
                continue;
            }
            Round<TF, TI>(ref batch, ref magnitudes, range, s - first);
            bool isSafe = scratch.HasSafeFactors && GridLines<TFormat, TF, TI>.AreSafe(magnitude, batch.Scales[(s - first) * Groups * GridBatch.MaxSteps]);
            if (!isSafe)
                ((Span<uint>)batch.Certain).Slice((s - first) * Groups, Groups).Clear();
        }
        return zeros;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumTries<TF, TI>(ref GridScratch scratch, ref GridBatch batch, int subBlock)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int inBatch = subBlock % SubBlocksAtOnce;
        // ggml keeps the first of equally good scales, so only the first of those with the same points counts.
        uint tries = 1 | (Changes(ref batch, inBatch) << 1);
        ref int codes = ref Distinct<TF, TI>(ref batch, inBatch, ref tries);
        batch.Tries[inBatch] = tries;
        Sum<TF, TI>(ref scratch, ref batch, ref codes, BitOperations.PopCount(tries), subBlock);
    }

    /// <summary>Chooses the best try of each sub-block, fits a scale to its points, and rounds to points again under that.</summary>
    /// <remarks>Step by step for all sub-blocks, for each step waits for the one before it, and ends in what cannot be predicted.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Fit<TF, TI>(
        ref GridScratch scratch, ref GridBatch batch, GridNeighbours neighbours, GridCandidates candidates, int first, uint zeros)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        for (int s = 0; s < SubBlocksAtOnce; s++)
        {
            if ((zeros >> s & 1) == 0)
                SumTries<TF, TI>(ref scratch, ref batch, first + s);
        }
        // By sub-block, and by group.
        uint changed = 0;
        uint refit = 0;
        for (int s = 0; s < SubBlocksAtOnce; s++)
        {
            if ((zeros >> s & 1) != 0)
                continue;
            int chosen = BestTry<TF, TI>(ref batch, s, BitOperations.PopCount(batch.Tries[s]));
            float scale = scratch.SubScales[first + s];
            int step = 0;
            if (chosen >= 0)
            {
                int at = (s * GridBatch.MaxSteps) + chosen;
                scale = batch.SumsOfProducts[at] / batch.SumsOfSquares[at];
                step = batch.StepsOfTries[at];
                for (int g = s * Groups; g < (s + 1) * Groups; g++)
                    scratch.Points[(first * Groups) + g] = batch.Codes[(g * GridBatch.MaxSteps) + step];
            }
            batch.Fits[s] = scale;
            changed |= chosen >= 0 ? 0 : 1u << s;
            uint groups = GroupsToRefit(chosen < 0 ? 0 : OffGridAt(ref batch, s, step), chosen >= 0);
            refit |= scale > 0 ? groups << (s * Groups) : 0;
        }
        uint others = RefitSteady<TF, TI>(ref scratch, ref batch, first, refit, ref changed);
        for (; others != 0; others &= others - 1)
        {
            int g = BitOperations.TrailingZeroCount(others);
            int s = g / Groups;
            int code = 0;
            for (int i = 0; i < TFormat.Dimensions; i++)
                code |= batch.Digits[(g * TFormat.Dimensions) + i];
            int mapped = neighbours.Map[code];
            int start = (first * SubBlockSize) + (g * TFormat.Dimensions);
            if (mapped < 0)
            {
                float error = batch.Errors[g * GridBatch.MaxSteps] * (batch.InversesOfFits[s] / batch.Inverses[g * GridBatch.MaxSteps]);
                uint uncertain = (batch.Uncertain[s] >> (g % Groups * TFormat.Dimensions)) & ((1u << TFormat.Dimensions) - 1);
                code = uncertain == 0
                    ? GridLines<TFormat, TF, TI>.NearestAt(ref scratch, ref batch, in candidates.ListAt(code), start, g, batch.Fits[s], error)
                    : GridLines<TFormat, TF, TI>.NearestAt(ref scratch, ref batch, in neighbours.ListAt(mapped), start, g, batch.Fits[s], error);
            }
            ref int point = ref scratch.Points[(first * Groups) + g];
            changed |= code != point ? 1u << s : 0;
            point = code;
        }
        // Only where a point changed does the scale, too, but never where there was nothing to round again.
        for (; changed != 0; changed &= changed - 1)
        {
            int s = BitOperations.TrailingZeroCount(changed);
            if ((refit >> (s * Groups) & ((1u << Groups) - 1)) != 0)
                batch.Fits[s] = FittedScale(ref scratch, first + s, batch.Fits[s]);
        }
    }

    // Sets the points that surely are those under the scales around the fitted one. Returns a bit for each of the other groups.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint RefitSteady<TF, TI>(ref GridScratch scratch, ref GridBatch batch, int first, uint refit, ref uint changed)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        uint others = refit;
        for (int s = 0; s < SubBlocksAtOnce; s++)
        {
            if ((refit >> (s * Groups) & ((1u << Groups) - 1)) == 0)
                continue;
            float scale = batch.Fits[s];
            float inverse = 1 / scale;
            batch.InversesOfFits[s] = inverse;
            RoundDigits<TF, TI>(ref scratch, ref batch, (first + s) * SubBlockSize, s * SubBlockSize, inverse);
            int step = StepBelow<TF, TI>(ref batch, s, scale, inverse);
            if (step < 0)
                continue;
            int differences = 0;
            for (int g = s * Groups; g < (s + 1) * Groups; g++)
            {
                uint isSteady = (batch.Steady[g] >> step) & (refit >> g) & 1;
                ref int point = ref scratch.Points[(first * Groups) + g];
                int difference = (point ^ batch.Codes[(g * GridBatch.MaxSteps) + step]) & -(int)isSteady;
                point ^= difference;
                differences |= difference;
                others &= ~(isSteady << g);
            }
            changed |= (uint)(differences | -differences) >> 31 << s;
        }
        return others;
    }

    // The scale that is fitted to a sub-block's points.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float FittedScale(ref GridScratch scratch, int subBlock, float scale)
    {
        int first = subBlock * SubBlockSize;
        float products = 0;
        float squares = 0;
        for (int g = 0; g < Groups; g++)
        {
            int code = scratch.Points[(subBlock * Groups) + g];
            for (int i = g * TFormat.Dimensions; i < (g + 1) * TFormat.Dimensions; i++, code >>= DigitBits)
            {
                float level = (2 * (code & ((1 << DigitBits) - 1))) + 1;
                products += scratch.Products[first + i] * level;
                squares += scratch.Factors[first + i] * level * level;
            }
        }
        return squares > 0 ? products / squares : scale;
    }

    // The try that ggml keeps; -1 if it keeps none. A try whose gain, products² / squares, is surely less than another's is none,
    // and if it was the best so far, any of the greatest still takes its place. Of equal ones, each takes the place of the one before,
    // or none does.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int BestTry<TF, TI>(ref GridBatch batch, int subBlock, int count)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        if (TryFindBest<TF, TI>(ref batch, subBlock, count, out uint near))
        {
            int first = BitOperations.TrailingZeroCount(near);
            float products = batch.SumsOfProducts[(subBlock * GridBatch.MaxSteps) + first];
            float squares = batch.SumsOfSquares[(subBlock * GridBatch.MaxSteps) + first];
            uint equal = 0;
            for (int n = 0; n < count; n += TF.Count)
            {
                int at = (subBlock * GridBatch.MaxSteps) + n;
                equal |= (TI.EqualBits(TF.ToBits(TF.Load(in batch.SumsOfProducts[at])), TF.ToBits(TF.Broadcast(products)))
                    & TI.EqualBits(TF.ToBits(TF.Load(in batch.SumsOfSquares[at])), TF.ToBits(TF.Broadcast(squares)))) << n;
            }
            if ((near & ~equal) == 0)
                return products * products > products / squares * products * squares ? BitOperations.Log2(near) : first;
        }
        float best = 0;
        int chosen = -1;
        for (; near != 0; near &= near - 1)
        {
            int n = BitOperations.TrailingZeroCount(near);
            float products = batch.SumsOfProducts[(subBlock * GridBatch.MaxSteps) + n];
            float squares = batch.SumsOfSquares[(subBlock * GridBatch.MaxSteps) + n];
            if (squares > 0 && products * products > best * squares)
            {
                best = products / squares * products;
                chosen = n;
            }
        }
        return chosen;
    }

    // A bit for each try whose gain is not surely less than the greatest, by more than what rounding can change; for all tries if
    // their sums are too small or great to tell.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryFindBest<TF, TI>(ref GridBatch batch, int subBlock, int count, out uint near)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        near = (uint)((1ul << count) - 1);
        TF best = TF.Broadcast(0);
        uint safe = 0;
        for (int n = 0; n < count; n += TF.Count)
        {
            TF products = TF.Load(in batch.SumsOfProducts[(subBlock * GridBatch.MaxSteps) + n]);
            TF squares = TF.Load(in batch.SumsOfSquares[(subBlock * GridBatch.MaxSteps) + n]);
            safe |= (TF.GreaterThanBits(squares, TF.Broadcast(Small)) & TF.GreaterThanBits(TF.Broadcast(Great), squares)) << n;
            TF gains = TI.SelectGreater(
                TI.Broadcast(count - n), BlockLanes<TF, TI>.Numbers, products * products / squares, TF.Broadcast(0));
            gains.Store(ref batch.Gains[n]);
            best = TF.Max(best, gains);
        }
        float most = TF.MaxAcross(best);
        if ((near & ~safe) != 0 || !(most > Small && most < Great))
            return false;
        TF limit = TF.Broadcast(most * SurelyLess);
        near = 0;
        for (int n = 0; n < count; n += TF.Count)
            near |= TF.GreaterThanBits(TF.Load(in batch.Gains[n]), limit) << n;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint OffGridAt(ref GridBatch batch, int subBlock, int step)
    {
        uint groups = 0;
        for (int g = 0; g < Groups; g++)
            groups |= ((batch.OffGrid[(subBlock * Groups) + g] >> step) & 1) << g;
        return groups;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint GroupsToRefit(uint offGrid, bool found) => TFormat.Refit switch
    {
        GridRefit.All => (1u << Groups) - 1,
        GridRefit.AllIfAnyIsOff => offGrid != 0 || !found ? (1u << Groups) - 1 : 0,
        _ => offGrid,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ClearSigns(ref GridScratch scratch, int subBlock)
    {
        for (int g = subBlock * SubBlockSize / 8; g < (subBlock + 1) * SubBlockSize / 8; g++)
            scratch.Signs[g] = 0;
    }

    /// <summary>The code that each group of a sub-block rounds to under each scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Round<TF, TI>(ref GridBatch batch, ref float magnitudes, float range, int subBlock)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int last = HasQuads<TF, TI>() ? Steps & -TF.Count : Steps;
        ref float inverses = ref batch.Inverses[subBlock * Groups * GridBatch.MaxSteps];
        for (int step = 0; step < Steps; step += TF.Count)
        {
            TF inverse = TF.Load(in s_numerators[step]) / TF.Broadcast(range);
            TF scale = TF.Broadcast(1) / inverse;
            for (int g = 0; g < Groups; g++)
            {
                int at = (((subBlock * Groups) + g) * GridBatch.MaxSteps) + step;
                inverse.Store(ref batch.Inverses[at]);
                scale.Store(ref batch.Scales[at]);
            }
        }
        ref uint certain = ref batch.Certain[subBlock * Groups];
        ref int rounded = ref batch.Rounded[subBlock * Groups * GridBatch.MaxSteps];
        for (int step = 0; step < last; step += TF.Count)
        {
            TF inverse = TF.Load(in Unsafe.Add(ref inverses, step));
            for (int g = 0; g < Groups; g++)
            {
                TI code = TI.Broadcast(0);
                TF farthest = TF.Broadcast(0);
                for (int i = TFormat.Dimensions - 1; i >= 0; i--)
                {
                    code <<= DigitBits;
                    Round<TF, TI>(inverse, TF.Broadcast(Unsafe.Add(ref magnitudes, (g * TFormat.Dimensions) + i)), ref code, ref farthest);
                }
                (code & TI.Broadcast((1 << (DigitBits * TFormat.Dimensions)) - 1)).Store(ref Unsafe.Add(ref rounded, (g * GridBatch.MaxSteps) + step));
                Unsafe.Add(ref certain, g) |= TF.GreaterThanBits(TF.Broadcast(SurelyRounded), farthest) << step;
            }
        }
        if (HasQuads<TF, TI>())
            RoundQuads<TF, TI>(ref certain, ref rounded, ref magnitudes, range, last);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round<TF, TI>(TF inverse, TF magnitude, ref TI code, ref TF farthest)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        // ggml's nearest_int adds half of it to half the number: the bits below the exponent are the same.
        TF magic = TF.Broadcast(2 * 12582912f);
        TF level = (inverse * magnitude) - TF.Broadcast(1);
        TF inRange = TF.Min(TF.Max(level, TF.Broadcast(0)), TF.Broadcast(2 * MaxDigit));
        TF rounded = inRange + magic;
        if (!TFormat.HasOneShell)
            farthest = TF.Max(farthest, TF.Abs(inRange - (rounded - magic)));
        code |= TFormat.StartsFromFit ? Digit<TF, TI>(level + magic) : TF.ToBits(rounded);
    }

    // Whether the last few scales leave most of a vector unused.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool HasQuads<TF, TI>()
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
        => TF.Count > Quad && Steps % TF.Count is > 0 and <= Quad;

    /// <summary>Rounds under the last scales, up to four, with four lanes for every four weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RoundQuads<TF, TI>(ref uint certain, ref int rounded, ref float magnitudes, float range, int step)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<int> codes = stackalloc int[TF.Count];
        TF inverse = TF.Load(in s_numerators[GridBatch.MaxSteps]) / TF.Broadcast(range);
        for (int first = 0; first < SubBlockSize; first += TF.Count)
        {
            TI code = TI.Broadcast(0);
            TF farthest = TF.Broadcast(0);
            for (int i = Quad - 1; i >= 0; i--)
            {
                code <<= DigitBits;
                TI index = TI.Load(in MemoryMarshal.GetReference(FirstsOfQuads)) + TI.Broadcast(i);
                ref float weights = ref Unsafe.Add(ref magnitudes, first);
                Round<TF, TI>(inverse, TF.Count == 16 ? TF.Lookup16(in weights, index) : TF.Lookup8(in weights, index), ref code, ref farthest);
            }
            (code & TI.Broadcast((1 << (DigitBits * Quad)) - 1)).Store(ref codes[0]);
            uint allCertain = TF.GreaterThanBits(TF.Broadcast(SurelyRounded), farthest);
            for (int i = 0; i < TF.Count; i += TFormat.Dimensions)
            {
                int g = (first + i) / TFormat.Dimensions;
                Vector128<int> digits = Vector128.LoadUnsafe(ref codes[i]);
                uint isCertain = allCertain >> i;
                if (TFormat.Dimensions == 2 * Quad)
                {
                    digits |= Vector128.LoadUnsafe(ref codes[i + Quad]) << (DigitBits * Quad);
                    isCertain &= isCertain >> Quad;
                }
                digits.StoreUnsafe(ref Unsafe.Add(ref rounded, (g * GridBatch.MaxSteps) + step));
                Unsafe.Add(ref certain, g) |= (isCertain & ((1 << Quad) - 1)) << step;
            }
        }
    }

    // If the scale does not follow from the greatest magnitude, a level may be so great that nearest_int yields whatever its bits hold.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TI Digit<TF, TI>(TF rounded)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TI bits = TF.ToBits(rounded) & TI.Broadcast(0x007FFFFF);
        return TI.Min(TI.Broadcast(0x00400000 + MaxDigit), TI.Max(TI.Broadcast(0x00400000), bits));
    }

    // A bit for each scale under which some group's code, or whether it is a moved one, differs from the next.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Changes(ref GridBatch batch, int subBlock)
    {
        uint changes = 0;
        for (int g = subBlock * Groups; g < (subBlock + 1) * Groups; g++)
            changes |= batch.Changes[g] | (batch.OffGrid[g] ^ (batch.OffGrid[g] >> 1));
        return changes & ((1u << (Steps - 1)) - 1);
    }

    // The codes of some scales side by side, if that makes fewer vectors; else the codes of all scales.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ref int Distinct<TF, TI>(ref GridBatch batch, int subBlock, ref uint steps)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        ref int all = ref batch.Codes[subBlock * Groups * GridBatch.MaxSteps];
        if ((BitOperations.PopCount(steps) + TF.Count - 1) / TF.Count == (Steps + TF.Count - 1) / TF.Count)
        {
            steps = uint.MaxValue >> (32 - Steps);
            for (int step = 0; step < Steps; step += TF.Count)
                (BlockLanes<TF, TI>.Numbers + TI.Broadcast(step)).Store(ref batch.StepsOfTries[(subBlock * GridBatch.MaxSteps) + step]);
            return ref all;
        }
        int count = 0;
        for (int step = 0; step < Steps; step += TF.Count)
        {
            uint chosen = (steps >> step) & (uint.MaxValue >> (32 - TF.Count));
            TI mask = BlockLanes<TF, TI>.MaskOf(chosen);
            for (int g = 0; g < Groups; g++)
            {
                TF codes = TF.FromBits(TI.Load(in Unsafe.Add(ref all, (g * GridBatch.MaxSteps) + step)));
                CompressStore<TF, TI>.Store(codes, mask, ref Unsafe.As<int, float>(ref batch.Distinct[(g * GridBatch.MaxSteps) + count]));
            }
            TI numbers = BlockLanes<TF, TI>.Numbers + TI.Broadcast(step);
            CompressStore<TF, TI>.Store(TF.FromBits(numbers), mask, ref Unsafe.As<int, float>(ref batch.StepsOfTries[(subBlock * GridBatch.MaxSteps) + count]));
            count += BitOperations.PopCount(chosen);
        }
        return ref batch.Distinct[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sum<TF, TI>(ref GridScratch scratch, ref GridBatch batch, ref int codes, int count, int subBlock)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        ref float weighted = ref scratch.Products[subBlock * SubBlockSize];
        ref float factors = ref scratch.Factors[subBlock * SubBlockSize];
        int sums = subBlock % SubBlocksAtOnce * GridBatch.MaxSteps;
        for (int step = 0; step < count; step += TF.Count)
        {
            TF products = TF.Broadcast(0);
            TF squares = TF.Broadcast(0);
            for (int g = 0; g < Groups; g++)
            {
                TI code = TI.Load(in Unsafe.Add(ref codes, (g * GridBatch.MaxSteps) + step));
                for (nint i = g * TFormat.Dimensions; i < (g + 1) * TFormat.Dimensions; i += 4)
                {
                    Add(ref weighted, ref factors, i, ref code, ref products, ref squares);
                    Add(ref weighted, ref factors, i + 1, ref code, ref products, ref squares);
                    Add(ref weighted, ref factors, i + 2, ref code, ref products, ref squares);
                    Add(ref weighted, ref factors, i + 3, ref code, ref products, ref squares);
                }
            }
            products.Store(ref batch.SumsOfProducts[sums + step]);
            squares.Store(ref batch.SumsOfSquares[sums + step]);
        }
    }

    // Adds the terms of one weight; its level is the lowest digit of the codes, which is taken off.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TF, TI>(ref float weighted, ref float factors, nint weight, ref TI codes, ref TF products, ref TF squares)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF level = TF.Lookup8(in GridLines<TFormat, TF, TI>.Levels[0], codes);
        codes >>>= DigitBits;
        products += TF.Broadcast(Unsafe.Add(ref weighted, weight)) * level;
        squares += TF.Broadcast(Unsafe.Add(ref factors, weight)) * level * level;
    }

    // The candidate scale that together with the next one encloses a scale and its inverse; -1 if there is none.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int StepBelow<TF, TI>(ref GridBatch batch, int subBlock, float scale, float inverse)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        uint below = 0;
        ref float inverses = ref batch.Inverses[subBlock * Groups * GridBatch.MaxSteps];
        ref float scales = ref batch.Scales[subBlock * Groups * GridBatch.MaxSteps];
        for (int step = 0; step < Steps; step += TF.Count)
            below |= TF.GreaterThanBits(TF.Broadcast(inverse), TF.Load(in Unsafe.Add(ref inverses, step))) << step;
        int last = BitOperations.PopCount(below & (uint.MaxValue >> (32 - Steps))) - 1;
        return last >= 0 && last < Steps - 1
            && inverse <= Unsafe.Add(ref inverses, last + 1) && scale <= Unsafe.Add(ref scales, last) && scale >= Unsafe.Add(ref scales, last + 1) ? last : -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RoundDigits<TF, TI>(ref GridScratch scratch, ref GridBatch batch, int first, int inBatch, float inverse)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        uint certain = 0;
        for (int i = 0; i < SubBlockSize; i += TF.Count)
        {
            TF level = TF.Broadcast(0.5f) * ((TF.Broadcast(inverse) * TF.Load(in scratch.Magnitudes[first + i])) - TF.Broadcast(1));
            TI digit = TI.Min(TI.Max(TF.NearestInt(level), TI.Broadcast(0)), TI.Broadcast(MaxDigit));
            (digit * TI.Load(in Places[i % TFormat.Dimensions])).Store(ref batch.Digits[inBatch + i]);
            TF inRange = TF.Min(TF.Max(level, TF.Broadcast(0)), TF.Broadcast(MaxDigit));
            certain |= TF.GreaterThanBits(TF.Broadcast(SurelyRounded / 2), TF.Abs(inRange - TI.ToFloat(digit))) << i;
        }
        batch.Uncertain[inBatch / SubBlockSize] = ~certain;
    }

    private static float[] MakeNumerators()
    {
        float[] numerators = new float[GridBatch.MaxSteps + 16];
        for (int i = 0; i < GridBatch.MaxSteps; i++)
            numerators[i] = MaxLevel + ((Math.Min(i, Steps - 1) - TFormat.Reach) * TFormat.Step);
        // Those that vectors of eight or more leave over, for RoundQuads.
        for (int i = 0; i < 16; i++)
            numerators[GridBatch.MaxSteps + i] = numerators[(Steps & -8) + (i % Quad)];
        return numerators;
    }
}

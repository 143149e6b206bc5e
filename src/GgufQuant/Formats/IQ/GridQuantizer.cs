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
/// <see cref="GridCandidates"/>. <see cref="GridLines{TFormat, TF, TI}"/> chooses under all of them at once. Where that is not
/// clear, or where a weight lies within 2⁻¹⁵ of halfway between two levels, the costs are added up in ggml's order. In
/// units of half the distance between levels, a weight's computed level is wrong by at most 51 · 2⁻²⁴, and its computed
/// difference from a level by at most 32 · 2⁻²⁴: together less than a sixth of that. If all neighbours of a code are
/// equally far, none is left out, so it does not matter where weights lie.
/// </para>
/// <para>
/// Where all groups keep their codes from one scale to the next, so do the sums. ggml keeps the first of equals, unless
/// rounding makes it keep the next: that has the same points and scale, but if other groups are off the grid, others
/// are rounded again. So only scales with the same codes and the same groups off the grid count once.
/// </para>
/// <para>
/// The scale that is fitted to the points mostly lies between two candidates. Rounding is monotonic in the inverse of the scale,
/// and a clear choice under two scales holds between them, so a group that keeps its code from the one to the other is not
/// rounded again. If no point changes, the scale is the same sums' quotient as before.
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

    private static readonly float[] s_numerators = MakeNumerators();

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

    private static int Groups
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => SubBlockSize / TFormat.Dimensions;
    }

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
        GridNeighbours neighbours = TFormat.Grid.Neighbours;
        GridCandidates candidates = TFormat.Grid.Candidates;
        int column = 0;
        int count = weights.Length / TFormat.BlockSize;
        for (int first = 0; first < count; first += BlocksAtOnce<TF, TI>())
        {
            int end = Math.Min(count, first + BlocksAtOnce<TF, TI>());
            for (int b = first; b < end; b++)
            {
                Prepare<TF, TI>(
                    ref Unsafe.As<byte, GridScratch>(ref Unsafe.Add(ref scratches, (b - first) * stride)),
                    weights.Slice(b * TFormat.BlockSize, TFormat.BlockSize),
                    importance.IsEmpty ? default : importance.Slice(column, TFormat.BlockSize));
                column = column + TFormat.BlockSize == rowLength ? 0 : column + TFormat.BlockSize;
            }
            if (TFormat.StartsFromFit)
                FitWithoutGrid<TF, TI>(ref scratches, stride, (end - first) * SubBlocks);
            for (int b = first; b < end; b++)
            {
                QuantizeBlock<TF, TI>(
                    ref Unsafe.As<byte, GridScratch>(ref Unsafe.Add(ref scratches, (b - first) * stride)),
                    neighbours,
                    candidates,
                    blocks.Slice(b * TFormat.BlockBytes, TFormat.BlockBytes));
            }
        }
    }

    // As many super-blocks as have a sub-block for each lane, where their first fits are searched side by side.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int BlocksAtOnce<TF, TI>()
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
        => TFormat.StartsFromFit ? Math.Max(1, TF.Count / SubBlocks) : 1;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void QuantizeBlock<TF, TI>(
        ref GridScratch scratch, GridNeighbours neighbours, GridCandidates candidates, Span<byte> block)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        block.Clear();
        ((Span<int>)scratch.Points).Clear();
        uint zeros = 0;
        float maxScale = 0;
        for (int s = 0; s < SubBlocks; s++)
        {
            float scale = FitSubBlock<TF, TI>(ref scratch, neighbours, candidates, s, out bool isZero);
            zeros |= isZero ? 1u << s : 0;
            scratch.SubScales[s] = scale;
            maxScale = maxScale > scale ? maxScale : scale;
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Prepare<TF, TI>(
        ref GridScratch scratch, ReadOnlySpan<float> weights, ReadOnlySpan<float> importance)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        float sum = 0;
        foreach (float weight in weights)
            sum += weight * weight;
        TF variance = TF.Broadcast(TFormat.VarianceFactor * sum / TFormat.BlockSize);
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
            (TF.Load(in scratch.Roots[i]) * magnitude).Store(ref scratch.RootProducts[i]);
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
        Span<float> magnitudes = stackalloc float[SubBlockSize * TF.Count];
        Span<float> factors = stackalloc float[SubBlockSize * TF.Count];
        Span<int> levels = stackalloc int[SubBlockSize * TF.Count];
        Span<float> scales = stackalloc float[TF.Count];
        for (int first = 0; first < count; first += TF.Count)
        {
            int lanes = Math.Min(TF.Count, count - first);
            for (int lane = 0; lane < lanes; lane++)
            {
                ref GridScratch scratch = ref Unsafe.As<byte, GridScratch>(ref Unsafe.Add(ref scratches, (first + lane) / SubBlocks * stride));
                int start = (first + lane) % SubBlocks * SubBlockSize;
                for (int i = 0; i < SubBlockSize; i++)
                {
                    magnitudes[(i * TF.Count) + lane] = scratch.Magnitudes[start + i];
                    factors[(i * TF.Count) + lane] = scratch.Factors[start + i];
                }
            }
            PositiveScaleSearch<TF, TI>.Run(ref magnitudes[0], ref factors[0], SubBlockSize, MaxDigit + 2, ref levels[0])
                .Store(ref scales[0]);
            for (int lane = 0; lane < lanes; lane++)
            {
                ref GridScratch scratch = ref Unsafe.As<byte, GridScratch>(ref Unsafe.Add(ref scratches, (first + lane) / SubBlocks * stride));
                scratch.SubScales[(first + lane) % SubBlocks] = scales[lane];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float FitSubBlock<TF, TI>(
        ref GridScratch scratch, GridNeighbours neighbours, GridCandidates candidates, int subBlock, out bool isZero)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int first = subBlock * SubBlockSize;
        ref float magnitudes = ref scratch.Magnitudes[first];
        TF greatest = TF.Load(in magnitudes);
        for (int i = TF.Count; i < SubBlockSize; i += TF.Count)
            greatest = TF.Max(greatest, TF.Load(in Unsafe.Add(ref magnitudes, i)));
        float range = TF.MaxAcross(greatest);
        float scale = TFormat.StartsFromFit ? scratch.SubScales[subBlock] : range / MaxLevel;
        isZero = range < TFormat.Negligible;
        if (TFormat.StartsFromFit)
        {
            range = scale * (MaxDigit + 1);
            isZero |= range <= 0;
        }
        if (isZero)
        {
            ClearSigns(ref scratch, subBlock);
            return 0;
        }

        Round<TF, TI>(ref scratch, ref magnitudes, range);
        bool isSafe = scratch.HasSafeFactors && GridLines<TFormat, TF, TI>.AreSafe(TF.MaxAcross(greatest), scratch.Scales[0]);
        uint changes = FindPoints<TF, TI>(ref scratch, neighbours, candidates, first, isSafe);
        // ggml keeps the first of equally good scales, so only the first of those with the same points counts.
        uint tries = 1 | (changes << 1);
        ref int codes = ref Distinct<TF, TI>(ref scratch, ref tries);
        int count = BitOperations.PopCount(tries);
        Sum<TF, TI>(ref scratch, ref codes, count, first);

        int chosen = BestTry<TF, TI>(ref scratch, count);
        if (chosen >= 0)
            scale = scratch.SumsOfProducts[chosen] / scratch.SumsOfSquares[chosen];
        if (chosen >= 0)
        {
            ref int points = ref scratch.Points[first / TFormat.Dimensions];
            for (int g = 0; g < Groups; g++)
                Unsafe.Add(ref points, g) = Unsafe.Add(ref codes, (g * GridScratch.MaxSteps) + chosen);
        }

        int refit = GroupsToRefit(chosen < 0 ? 0 : OffGridAt(ref scratch, StepOf(tries, chosen)), chosen >= 0);
        if (refit != 0 && scale > 0)
            scale = Refit<TF, TI>(ref scratch, neighbours, first, refit, scale, isFitted: chosen >= 0);
        if (scale < 0)
        {
            scale = -scale;
            for (int g = first / 8; g < (first + SubBlockSize) / 8; g++)
                scratch.Signs[g] = (byte)~scratch.Signs[g];
        }
        return scale >= 0 ? scale : throw Unrepresentable();
    }

    // The try that ggml keeps; -1 if it keeps none.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int BestTry<TF, TI>(ref GridScratch scratch, int count)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int surely = SurelyBestTry<TF, TI>(ref scratch, count);
        if (surely >= 0)
            return surely;
        float best = 0;
        int chosen = -1;
        for (int n = 0; n < count; n++)
        {
            float products = scratch.SumsOfProducts[n];
            float squares = scratch.SumsOfSquares[n];
            if (squares > 0 && products * products > best * squares)
            {
                best = products / squares * products;
                chosen = n;
            }
        }
        return chosen;
    }

    // The try whose gain, products² / squares, exceeds all others by more than what rounding can change; -1 if there is none.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int SurelyBestTry<TF, TI>(ref GridScratch scratch, int count)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF best = TF.Broadcast(0);
        TI isSafe = TI.Broadcast(-1);
        for (int n = 0; n < count; n += TF.Count)
        {
            TI isTry = BlockLanes<TF, TI>.MaskOf(uint.MaxValue >> (32 - Math.Min(TF.Count, count - n)));
            TF products = TF.Load(in scratch.SumsOfProducts[n]);
            TF squares = TF.Load(in scratch.SumsOfSquares[n]);
            isSafe &= ~isTry | (TF.GreaterThan(squares, TF.Broadcast(Small)) & TF.GreaterThan(TF.Broadcast(Great), squares));
            TF gains = TF.Select(isTry, products * products / squares, TF.Broadcast(0));
            gains.Store(ref scratch.Gains[n]);
            best = TF.Max(best, gains);
        }
        if (TI.Any(~isSafe))
            return -1;
        float most = TF.MaxAcross(best);
        if (!(most > Small && most < Great))
            return -1;
        TF limit = TF.Broadcast(most * SurelyLess);
        uint near = 0;
        for (int n = 0; n < count; n += TF.Count)
            near |= TF.GreaterThanBits(TF.Load(in scratch.Gains[n]), limit) << n;
        return BitOperations.IsPow2(near) ? BitOperations.TrailingZeroCount(near) : -1;
    }

    // The step that is the nth of a set.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int StepOf(uint steps, int n)
    {
        for (; n > 0; n--)
            steps &= steps - 1;
        return BitOperations.TrailingZeroCount(steps);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int OffGridAt(ref GridScratch scratch, int step)
    {
        int groups = 0;
        for (int g = 0; g < Groups; g++)
            groups |= (int)((scratch.OffGrid[g] >> step) & 1) << g;
        return groups;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int GroupsToRefit(int offGrid, bool found) => TFormat.Refit switch
    {
        GridRefit.All => (1 << Groups) - 1,
        GridRefit.AllIfAnyIsOff => offGrid != 0 || !found ? (1 << Groups) - 1 : 0,
        _ => offGrid,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ClearSigns(ref GridScratch scratch, int subBlock)
    {
        for (int g = subBlock * SubBlockSize / 8; g < (subBlock + 1) * SubBlockSize / 8; g++)
            scratch.Signs[g] = 0;
    }

    /// <summary>The code that each group rounds to under each scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Round<TF, TI>(ref GridScratch scratch, ref float magnitudes, float range)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int last = HasQuads<TF, TI>() ? Steps & -TF.Count : Steps;
        for (int step = 0; step < Steps; step += TF.Count)
        {
            TF inverse = TF.Load(in s_numerators[step]) / TF.Broadcast(range);
            inverse.Store(ref scratch.Inverses[step]);
            (TF.Broadcast(1) / inverse).Store(ref scratch.Scales[step]);
        }
        ((Span<uint>)scratch.Certain).Clear();
        for (int step = 0; step < last; step += TF.Count)
        {
            TF inverse = TF.Load(in scratch.Inverses[step]);
            for (int g = 0; g < Groups; g++)
            {
                TI code = TI.Broadcast(0);
                TF farthest = TF.Broadcast(0);
                for (int i = TFormat.Dimensions - 1; i >= 0; i--)
                {
                    code <<= DigitBits;
                    Round<TF, TI>(inverse, TF.Broadcast(Unsafe.Add(ref magnitudes, (g * TFormat.Dimensions) + i)), ref code, ref farthest);
                }
                (code & TI.Broadcast((1 << (DigitBits * TFormat.Dimensions)) - 1)).Store(ref scratch.Rounded[(g * GridScratch.MaxSteps) + step]);
                scratch.Certain[g] |= TF.GreaterThanBits(TF.Broadcast(SurelyRounded), farthest) << step;
            }
        }
        if (HasQuads<TF, TI>())
            RoundQuads<TF, TI>(ref scratch, ref magnitudes, range, last);
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
    private static void RoundQuads<TF, TI>(ref GridScratch scratch, ref float magnitudes, float range, int step)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<int> codes = stackalloc int[TF.Count];
        TF inverse = TF.Load(in s_numerators[GridScratch.MaxSteps]) / TF.Broadcast(range);
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
            uint certain = TF.GreaterThanBits(TF.Broadcast(SurelyRounded), farthest);
            for (int i = 0; i < TF.Count; i += TFormat.Dimensions)
            {
                int g = (first + i) / TFormat.Dimensions;
                Vector128<int> digits = Vector128.LoadUnsafe(ref codes[i]);
                uint isCertain = certain >> i;
                if (TFormat.Dimensions == 2 * Quad)
                {
                    digits |= Vector128.LoadUnsafe(ref codes[i + Quad]) << (DigitBits * Quad);
                    isCertain &= isCertain >> Quad;
                }
                digits.StoreUnsafe(ref scratch.Rounded[(g * GridScratch.MaxSteps) + step]);
                scratch.Certain[g] |= (isCertain & ((1 << Quad) - 1)) << step;
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

    /// <summary>Moves the groups that a scale rounded off the grid to the best nearby point.</summary>
    /// <returns>A bit for each scale under which some group's code, or whether it is a moved one, differs from the next.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint FindPoints<TF, TI>(ref GridScratch scratch, GridNeighbours neighbours, GridCandidates candidates, int first, bool isSafe)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        ReadOnlySpan<int> map = neighbours.Map;
        for (int g = 0; g < Groups; g++)
        {
            int start = first + (g * TFormat.Dimensions);
            ref int rounded = ref scratch.Rounded[g * GridScratch.MaxSteps];
            ref int codes = ref scratch.Codes[g * GridScratch.MaxSteps];
            uint certain = isSafe ? scratch.Certain[g] : 0;
            uint changes = Changes<TF, TI>(ref rounded);
            uint ends = changes | (1u << (Steps - 1));
            uint offGrid = 0;
            uint unclear = 0;
            for (int low = 0, next; low < Steps; low = next)
            {
                int high = low + BitOperations.TrailingZeroCount(ends >> low);
                next = high + 1;
                int code = Unsafe.Add(ref rounded, low);
                int mapped = map[code];
                if (mapped >= 0)
                {
                    for (int step = low; step < next; step += TF.Count)
                        TI.Broadcast(code).Store(ref Unsafe.Add(ref codes, step));
                    continue;
                }
                if (offGrid == 0)
                    GridLines<TFormat, TF, TI>.StartGroup(ref scratch, start);
                uint run = (uint)((1ul << next) - (1ul << low));
                offGrid |= run;
                uint clear = GridLines<TFormat, TF, TI>.Nearest(ref scratch, in candidates.ListAt(code), low, high, ref Unsafe.Add(ref codes, low));
                run &= ~(clear & certain);
                unclear |= run;
                for (; run != 0; run &= run - 1)
                {
                    int step = BitOperations.TrailingZeroCount(run);
                    Unsafe.Add(ref codes, step) = Nearest<TF, TI>(ref scratch, in neighbours.ListAt(mapped), start, scratch.Scales[step]);
                }
            }
            scratch.OffGrid[g] = offGrid;
            scratch.Steady[g] = ~(changes | unclear | (unclear >> 1));
        }

        uint allChanges = 0;
        for (int g = 0; g < Groups; g++)
        {
            uint changes = Changes<TF, TI>(ref scratch.Codes[g * GridScratch.MaxSteps]);
            scratch.Steady[g] &= ~changes;
            allChanges |= changes | (scratch.OffGrid[g] ^ (scratch.OffGrid[g] >> 1));
        }
        return allChanges & ((1u << (Steps - 1)) - 1);
    }

    // A bit for each scale under which a group has another code than under the next one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Changes<TF, TI>(ref int codes)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        uint same = 0;
        for (int step = 0; step < Steps; step += TF.Count)
        {
            same |= TI.EqualBits(TI.Load(in Unsafe.Add(ref codes, step)), TI.Load(in Unsafe.Add(ref codes, step + 1))) << step;
        }
        return ~same & ((1u << (Steps - 1)) - 1);
    }

    // The codes of some scales side by side, if that makes fewer vectors; else the codes of all scales.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ref int Distinct<TF, TI>(ref GridScratch scratch, ref uint steps)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        if ((BitOperations.PopCount(steps) + TF.Count - 1) / TF.Count == (Steps + TF.Count - 1) / TF.Count)
        {
            steps = uint.MaxValue >> (32 - Steps);
            return ref scratch.Codes[0];
        }
        int count = 0;
        for (int step = 0; step < Steps; step += TF.Count)
        {
            uint chosen = (steps >> step) & (uint.MaxValue >> (32 - TF.Count));
            TI mask = BlockLanes<TF, TI>.MaskOf(chosen);
            for (int g = 0; g < Groups; g++)
            {
                TF codes = TF.FromBits(TI.Load(in scratch.Codes[(g * GridScratch.MaxSteps) + step]));
                CompressStore<TF, TI>.Store(codes, mask, ref Unsafe.As<int, float>(ref scratch.Distinct[(g * GridScratch.MaxSteps) + count]));
            }
            count += BitOperations.PopCount(chosen);
        }
        return ref scratch.Distinct[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sum<TF, TI>(ref GridScratch scratch, ref int codes, int count, int first)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        ref float weighted = ref scratch.Products[first];
        ref float factors = ref scratch.Factors[first];
        for (int step = 0; step < count; step += TF.Count)
        {
            TF products = TF.Broadcast(0);
            TF squares = TF.Broadcast(0);
            for (int g = 0; g < Groups; g++)
            {
                TI code = TI.Load(in Unsafe.Add(ref codes, (g * GridScratch.MaxSteps) + step));
                for (int i = g * TFormat.Dimensions; i < (g + 1) * TFormat.Dimensions; i++)
                {
                    TF level = TF.Lookup8(in GridLines<TFormat, TF, TI>.Levels[0], code);
                    code >>>= DigitBits;
                    products += TF.Broadcast(Unsafe.Add(ref weighted, i)) * level;
                    squares += TF.Broadcast(Unsafe.Add(ref factors, i)) * level * level;
                }
            }
            products.Store(ref scratch.SumsOfProducts[step]);
            squares.Store(ref scratch.SumsOfSquares[step]);
        }
    }

    // The scale is that of the points if it is fitted: it is then fitted again only if a point changes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Refit<TF, TI>(
        ref GridScratch scratch, GridNeighbours neighbours, int first, int groups, float scale, bool isFitted)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        float inverse = 1 / scale;
        int step = StepBelow<TF, TI>(ref scratch, scale, inverse);
        bool isChanged = !isFitted;
        ref int points = ref scratch.Points[first / TFormat.Dimensions];
        for (int g = 0; g < Groups; g++)
        {
            if ((groups >> g & 1) == 0)
                continue;
            int code;
            if (step >= 0 && (scratch.Steady[g] >> step & 1) != 0)
            {
                code = scratch.Codes[(g * GridScratch.MaxSteps) + step];
            }
            else
            {
                int start = first + (g * TFormat.Dimensions);
                code = Round(ref scratch, start, inverse);
                int mapped = neighbours.Map[code];
                code = mapped >= 0 ? code : Nearest<TF, TI>(ref scratch, in neighbours.ListAt(mapped), start, scale);
            }
            isChanged |= code != Unsafe.Add(ref points, g);
            Unsafe.Add(ref points, g) = code;
        }
        if (!isChanged)
            return scale;

        float products = 0;
        float squares = 0;
        for (int g = 0; g < Groups; g++)
        {
            int code = Unsafe.Add(ref points, g);
            for (int i = g * TFormat.Dimensions; i < (g + 1) * TFormat.Dimensions; i++, code >>= DigitBits)
            {
                float level = (2 * (code & ((1 << DigitBits) - 1))) + 1;
                products += scratch.Products[first + i] * level;
                squares += scratch.Factors[first + i] * level * level;
            }
        }
        return squares > 0 ? products / squares : scale;
    }

    // The candidate scale that together with the next one encloses a scale and its inverse; -1 if there is none.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int StepBelow<TF, TI>(ref GridScratch scratch, float scale, float inverse)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        uint below = 0;
        for (int step = 0; step < Steps; step += TF.Count)
            below |= TF.GreaterThanBits(TF.Broadcast(inverse), TF.Load(in scratch.Inverses[step])) << step;
        int last = BitOperations.PopCount(below & (uint.MaxValue >> (32 - Steps))) - 1;
        return last >= 0 && last < Steps - 1
            && inverse <= scratch.Inverses[last + 1] && scale <= scratch.Scales[last] && scale >= scratch.Scales[last + 1] ? last : -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Round(ref GridScratch scratch, int start, float inverse)
    {
        int code = 0;
        for (int i = 0; i < TFormat.Dimensions; i++)
        {
            int digit = ScalarMath.NearestInt(0.5f * ((inverse * scratch.Magnitudes[start + i]) - 1));
            code |= Math.Clamp(digit, 0, MaxDigit) << (DigitBits * i);
        }
        return code;
    }

    // Callers would exceed what the compiler inlines.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static int Nearest<TF, TI>(ref GridScratch scratch, ref readonly ushort list, int first, float scale)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int code = GridSearch<TF, TI>.Nearest(
            in list,
            TFormat.Dimensions,
            in scratch.Magnitudes[first],
            in scratch.Roots[first],
            in GridLines<TFormat, TF, TI>.Levels[0],
            scale,
            ref scratch.Costs[0]);
        return code >= 0 ? code : throw Unrepresentable();
    }

    private static ArithmeticException Unrepresentable() =>
        new($"The weights cannot be quantized to {TFormat.Name}: some squares times their importance overflow a float.");

    private static float[] MakeNumerators()
    {
        float[] numerators = new float[GridScratch.MaxSteps + 16];
        for (int i = 0; i < GridScratch.MaxSteps; i++)
            numerators[i] = MaxLevel + ((Math.Min(i, Steps - 1) - TFormat.Reach) * TFormat.Step);
        // Those that vectors of eight or more leave over, for RoundQuads.
        for (int i = 0; i < 16; i++)
            numerators[GridScratch.MaxSteps + i] = numerators[(Steps & -8) + (i % Quad)];
        return numerators;
    }
}

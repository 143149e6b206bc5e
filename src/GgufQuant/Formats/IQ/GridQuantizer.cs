using System.Numerics;
using System.Runtime.CompilerServices;
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
/// Under consecutive scales a group rounds to one code, and chooses among the same points. A point costs
/// Σ factor · (scale · level − magnitude)², so the difference between two points' costs, divided by the scale, is linear in
/// the scale: a point that is best under two scales is best under all between them. Only rounding can belie that. With
/// u = 2⁻²⁴ and E = Σ factor · magnitude², a computed cost C is wrong by at most u · (16 · C + 2 · E), because
/// scale · level is at most the sum of the magnitude and the miss. The best point's cost is convex, so between the two
/// scales it is at most the greater of its costs there, and its lead over any other point is at least the lesser of its
/// leads there times the ratio of the scales, at least 0.69. If both leads exceed 10⁻⁵ · (C + E), that is more than twice
/// the errors, and the scales between are not tried. Factors or magnitudes near the ends of a float's range are excluded.
/// </para>
/// </remarks>
internal readonly struct GridQuantizer<TFormat> : ILaneQuantizer
    where TFormat : struct, IGridFormat
{
    // So few scales are faster to try one by one.
    private const int FewSteps = 4;
    private const float SurelyGreater = 1e-5f;
    private const float FarFromDenormal = 1e-30f;
    private const float FarFromInfinite = 1e10f;

    private static readonly float[] s_numerators = MakeNumerators();

    // The level of each digit, a row; constant data, because a static array costs optimized code a check per access.
    private static ReadOnlySpan<float> Levels => TFormat.Dimensions == 8
        ? [1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7]
        : [1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15];

    private static int DigitBits => TFormat.Dimensions == 8 ? 2 : 3;

    private static int MaxDigit => TFormat.Dimensions == 8 ? 2 : 7;

    private static int MaxLevel => (2 * MaxDigit) + 1;

    private static int Steps => (2 * TFormat.Reach) + 1;

    private static int SubBlockSize => TFormat.ScaleRun;

    private static int Groups => SubBlockSize / TFormat.Dimensions;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize<TF, TI>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        ref GridScratch scratch = ref Unsafe.As<float, GridScratch>(
            ref CacheLines.Align(stackalloc float[(Unsafe.SizeOf<GridScratch>() / sizeof(float)) + CacheLines.Spare]));
        GridNeighbours neighbours = TFormat.Grid.Neighbours;
        int column = 0;
        for (int b = 0; b < weights.Length / TFormat.BlockSize; b++)
        {
            Span<byte> block = blocks.Slice(b * TFormat.BlockBytes, TFormat.BlockBytes);
            block.Clear();
            QuantizeBlock<TF, TI>(
                ref scratch,
                neighbours,
                weights.Slice(b * TFormat.BlockSize, TFormat.BlockSize),
                importance.IsEmpty ? default : importance.Slice(column, TFormat.BlockSize),
                block);
            column = column + TFormat.BlockSize == rowLength ? 0 : column + TFormat.BlockSize;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void QuantizeBlock<TF, TI>(
        ref GridScratch scratch,
        GridNeighbours neighbours,
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> importance,
        Span<byte> block)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Prepare<TF, TI>(ref scratch, weights, importance);
        ((Span<int>)scratch.Points).Clear();
        if (TFormat.StartsFromFit)
            FitWithoutGrid<TF, TI>(ref scratch);
        uint zeros = 0;
        float maxScale = 0;
        for (int s = 0; s < TFormat.BlockSize / SubBlockSize; s++)
        {
            float scale = FitSubBlock<TF, TI>(ref scratch, neighbours, s, out bool isZero);
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
            ((ReadOnlySpan<float>)scratch.SubScales)[..(TFormat.BlockSize / SubBlockSize)],
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
        for (int g = 0; g < TFormat.BlockSize / 8; g++)
            scratch.Signs[g] = 0;
        for (int i = 0; i < TFormat.BlockSize; i += TF.Count)
        {
            TF weight = TF.Load(in weights[i]);
            TF factor = importance.IsEmpty
                ? TFormat.FactorWithoutImatrix<TF, TI>(weight, variance)
                : TF.Load(in importance[i]) * TF.Sqrt(variance + (weight * weight));
            factor.Store(ref scratch.Factors[i]);
            TF.Sqrt(factor).Store(ref scratch.Roots[i]);
            (factor * weight * weight).Store(ref scratch.Products[i]);
            TI negative = TF.GreaterThan(zero, weight);
            TF.Select(negative, -weight, weight).Store(ref scratch.Magnitudes[i]);
            uint signs = TI.MaskBits(negative) << (i % 8);
            for (int k = 0; k < TF.Count; k += 8, signs >>= 8)
                scratch.Signs[(i + k) / 8] |= (byte)signs;
        }
        if (TFormat.SevenSigns)
        {
            for (int g = 0; g < TFormat.BlockSize / 8; g++)
                MakeSignsEven(ref scratch, g);
        }
        for (int i = 0; i < TFormat.BlockSize; i += TF.Count)
            (TF.Load(in scratch.Factors[i]) * TF.Load(in scratch.Magnitudes[i])).Store(ref scratch.Products[i]);
    }

    // Flips the sign of the least important weight if the number of negative signs is odd. Products holds each weight's energy.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MakeSignsEven(ref GridScratch scratch, int group)
    {
        if ((BitOperations.PopCount(scratch.Signs[group]) & 1) == 0)
            return;
        ReadOnlySpan<float> energies = ((ReadOnlySpan<float>)scratch.Products).Slice(8 * group, 8);
        int least = 0;
        for (int i = 1; i < 8; i++)
            least = energies[i] < energies[least] ? i : least;
        scratch.Magnitudes[(8 * group) + least] = -scratch.Magnitudes[(8 * group) + least];
        scratch.Signs[group] ^= (byte)(1 << least);
    }

    /// <summary>The scale of each sub-block if its levels were unconstrained; the candidate scales surround it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FitWithoutGrid<TF, TI>(ref GridScratch scratch)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<float> magnitudes = stackalloc float[SubBlockSize * TF.Count];
        Span<float> factors = stackalloc float[SubBlockSize * TF.Count];
        Span<int> levels = stackalloc int[SubBlockSize * TF.Count];
        Span<float> scales = stackalloc float[TF.Count];
        int subBlocks = TFormat.BlockSize / SubBlockSize;
        for (int first = 0; first < subBlocks; first += TF.Count)
        {
            int count = Math.Min(TF.Count, subBlocks - first);
            for (int lane = 0; lane < count; lane++)
            {
                for (int i = 0; i < SubBlockSize; i++)
                {
                    magnitudes[(i * TF.Count) + lane] = scratch.Magnitudes[((first + lane) * SubBlockSize) + i];
                    factors[(i * TF.Count) + lane] = scratch.Factors[((first + lane) * SubBlockSize) + i];
                }
            }
            PositiveScaleSearch<TF, TI>.Run(ref magnitudes[0], ref factors[0], SubBlockSize, MaxDigit + 2, ref levels[0])
                .Store(ref scales[0]);
            scales[..count].CopyTo(((Span<float>)scratch.SubScales)[first..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float FitSubBlock<TF, TI>(
        ref GridScratch scratch, GridNeighbours neighbours, int subBlock, out bool isZero)
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
        int done = 0;
        for (; TFormat.SearchesSideBySide && Steps - done > FewSteps; done += TF.Count)
            FindPointsSideBySide<TF, TI>(ref scratch, neighbours, first, done);
        FindPoints<TF, TI>(ref scratch, neighbours, first, done);
        Sum<TF, TI>(ref scratch, first);

        float best = 0;
        int chosen = -1;
        for (int step = 0; step < Steps; step++)
        {
            float products = scratch.SumsOfProducts[step];
            float squares = scratch.SumsOfSquares[step];
            if (squares > 0 && products * products > best * squares)
            {
                scale = products / squares;
                best = scale * products;
                chosen = step;
            }
        }
        ref int points = ref scratch.Points[first / TFormat.Dimensions];
        if (chosen >= 0)
        {
            for (int g = 0; g < Groups; g++)
                Unsafe.Add(ref points, g) = scratch.Codes[(g * GridScratch.MaxSteps) + chosen];
        }

        int refit = GroupsToRefit(chosen < 0 ? 0 : scratch.OffGrid[chosen], chosen >= 0);
        if (refit != 0 && scale > 0)
            scale = Refit<TF, TI>(ref scratch, neighbours, first, refit, scale);
        if (scale < 0)
        {
            scale = -scale;
            for (int g = first / 8; g < (first + SubBlockSize) / 8; g++)
                scratch.Signs[g] = (byte)~scratch.Signs[g];
        }
        return scale >= 0 ? scale : throw Unrepresentable();
    }

    private static int GroupsToRefit(int offGrid, bool found) => TFormat.Refit switch
    {
        GridRefit.All => (1 << Groups) - 1,
        GridRefit.AllIfAnyIsOff => offGrid != 0 || !found ? (1 << Groups) - 1 : 0,
        _ => offGrid,
    };

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
        TF one = TF.Broadcast(1);
        for (int step = 0; step < Steps; step += TF.Count)
        {
            TF inverse = TF.Load(in s_numerators[step]) / TF.Broadcast(range);
            (one / inverse).Store(ref scratch.Scales[step]);
            for (int g = 0; g < Groups; g++)
            {
                TI code = TI.Broadcast(0);
                for (int i = 0; i < TFormat.Dimensions; i++)
                {
                    TF magnitude = TF.Broadcast(Unsafe.Add(ref magnitudes, (g * TFormat.Dimensions) + i));
                    TI digit = TF.NearestInt(TF.Broadcast(0.5f) * ((inverse * magnitude) - one));
                    digit = TI.Max(TI.Broadcast(0), TI.Min(TI.Broadcast(MaxDigit), digit));
                    code |= digit << (DigitBits * i);
                }
                code.Store(ref scratch.Codes[(g * GridScratch.MaxSteps) + step]);
            }
        }
    }

    /// <summary>Moves the groups that a scale rounded off the grid to the best nearby point, from a first scale on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FindPoints<TF, TI>(ref GridScratch scratch, GridNeighbours neighbours, int first, int firstStep)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        ReadOnlySpan<int> map = neighbours.Map;
        for (int step = firstStep; step < Steps; step++)
            scratch.OffGrid[step] = 0;
        for (int g = 0; g < Groups; g++)
        {
            ReadOnlySpan<int> codes = ((ReadOnlySpan<int>)scratch.Codes).Slice(g * GridScratch.MaxSteps, Steps);
            for (int low = firstStep, next; low < Steps; low = next)
            {
                int code = codes[low];
                for (next = low + 1; next < Steps && codes[next] == code;)
                    next++;
                int mapped = map[code];
                if (mapped >= 0)
                    continue;
                for (int step = low; step < next; step++)
                    scratch.OffGrid[step] |= 1 << g;
                FindPoints<TF, TI>(ref scratch, in neighbours.ListAt(mapped), first, g, low, next - 1);
            }
        }
    }

    // The same for consecutive scales under which a group rounds to one code.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FindPoints<TF, TI>(ref GridScratch scratch, ref readonly ushort list, int first, int group, int low, int high)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int start = first + (group * TFormat.Dimensions);
        if (high == low)
        {
            scratch.Codes[(group * GridScratch.MaxSteps) + low] = Nearest<TF, TI>(ref scratch, in list, start, scratch.Scales[low]).Code;
            return;
        }
        (GridChoice atLow, GridChoice atHigh) = NearestOfTwo<TF, TI>(ref scratch, in list, start, scratch.Scales[low], scratch.Scales[high]);
        scratch.Codes[(group * GridScratch.MaxSteps) + low] = atLow.Code;
        scratch.Codes[(group * GridScratch.MaxSteps) + high] = atHigh.Code;
        if (high - low > 1)
            FindPointsBetween<TF, TI>(ref scratch, in list, first, group, low, atLow, high, atHigh);
    }

    // The same between two scales whose points are known.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FindPointsBetween<TF, TI>(
        ref GridScratch scratch, ref readonly ushort list, int first, int group, int low, GridChoice atLow, int high, GridChoice atHigh)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        if (high - low < 2)
            return;
        int start = first + (group * TFormat.Dimensions);
        Span<int> codes = ((Span<int>)scratch.Codes).Slice(group * GridScratch.MaxSteps, Steps);
        if (atLow.Code == atHigh.Code && IsClear(ref scratch, start, scratch.Scales[low], atLow, atHigh))
        {
            codes[(low + 1)..high].Fill(atLow.Code);
            return;
        }
        if (high - low == 2)
        {
            codes[low + 1] = Nearest<TF, TI>(ref scratch, in list, start, scratch.Scales[low + 1]).Code;
            return;
        }
        // Where the one point's lead is used up, if each is the other's closest rival.
        float share = atLow.Gap / (atLow.Gap + atHigh.Gap);
        int middle = Math.Clamp(low + (int)(share * (high - low)), low + 1, high - 2);
        (GridChoice atMiddle, GridChoice afterMiddle) = NearestOfTwo<TF, TI>(ref scratch, in list, start, scratch.Scales[middle], scratch.Scales[middle + 1]);
        codes[middle] = atMiddle.Code;
        codes[middle + 1] = afterMiddle.Code;
        FindPointsBetween<TF, TI>(ref scratch, in list, first, group, low, atLow, middle, atMiddle);
        FindPointsBetween<TF, TI>(ref scratch, in list, first, group, middle + 1, afterMiddle, high, atHigh);
    }

    // Whether a point that is best under two scales is best under all between them: see the remarks.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsClear(ref GridScratch scratch, int start, float greatestScale, GridChoice atLow, GridChoice atHigh)
    {
        float energy = 0;
        for (int i = start; i < start + TFormat.Dimensions; i++)
            energy += scratch.Roots[i] * scratch.Magnitudes[i] * scratch.Magnitudes[i];
        float error = (SurelyGreater * (Math.Max(atLow.Cost, atHigh.Cost) + energy)) + FarFromDenormal;
        return Math.Min(atLow.Gap, atHigh.Gap) > error && greatestScale < FarFromInfinite;
    }

    /// <summary>The same for one scale per lane.</summary>
    /// <remarks>
    /// A group rounds the same way under several scales. With short lists of points it is faster to go through each list once
    /// for all scales that need it than once per scale with the points side by side.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FindPointsSideBySide<TF, TI>(
        ref GridScratch scratch, GridNeighbours neighbours, int first, int step)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        ReadOnlySpan<int> map = neighbours.Map;
        ref float costs = ref scratch.Costs[0];
        TF scales = TF.Load(in scratch.Scales[step]);
        TI offGrid = TI.Broadcast(0);
        for (int g = 0; g < Groups; g++)
        {
            ref int codes = ref scratch.Codes[(g * GridScratch.MaxSteps) + step];
            TI rounded = TI.Load(in codes);
            TI found = rounded;
            bool hasCosts = false;
            for (uint pending = uint.MaxValue >> (32 - TF.Count); pending != 0;)
            {
                int code = Unsafe.Add(ref codes, BitOperations.TrailingZeroCount(pending));
                TI isSame = TI.Equal(rounded, TI.Broadcast(code));
                pending &= ~TI.MaskBits(isSame);
                int mapped = map[code];
                if (mapped >= 0)
                    continue;
                if (!hasCosts)
                    MakeCosts<TF, TI>(ref scratch, first + (g * TFormat.Dimensions), scales);
                hasCosts = true;
                offGrid |= isSame & TI.Broadcast(1 << g);
                found = TI.Select(isSame, NearestSideBySide<TF, TI>(in neighbours.ListAt(mapped), ref costs, isSame), found);
            }
            found.Store(ref codes);
        }
        offGrid.Store(ref scratch.OffGrid[step]);
    }

    // The cost of each level of a group's weights under each scale, [weight][level][lane].
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MakeCosts<TF, TI>(ref GridScratch scratch, int first, TF scales)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        ref float costs = ref scratch.Costs[0];
        for (int level = 0; level <= MaxDigit; level++)
        {
            TF scaled = scales * TF.Broadcast((2 * level) + 1);
            for (int i = 0; i < TFormat.Dimensions; i++)
            {
                TF difference = scaled - TF.Broadcast(Unsafe.Add(ref scratch.Magnitudes[first], i));
                (TF.Broadcast(Unsafe.Add(ref scratch.Roots[first], i)) * difference * difference)
                    .Store(ref Unsafe.Add(ref costs, ((i << DigitBits) + level) * TF.Count));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TI NearestSideBySide<TF, TI>(ref readonly ushort list, ref float costs, TI asked)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF best = TF.Broadcast(float.MaxValue);
        TI bestCode = TI.Broadcast(0);
        for (int j = 1; j <= list; j++)
        {
            int code = Unsafe.Add(ref Unsafe.AsRef(in list), j);
            TF cost = Cost<TF, TI>(ref costs, 0, code) + Cost<TF, TI>(ref costs, 1, code)
                + Cost<TF, TI>(ref costs, 2, code) + Cost<TF, TI>(ref costs, 3, code);
            if (TFormat.Dimensions == 8)
            {
                cost = cost + Cost<TF, TI>(ref costs, 4, code) + Cost<TF, TI>(ref costs, 5, code)
                    + Cost<TF, TI>(ref costs, 6, code) + Cost<TF, TI>(ref costs, 7, code);
            }
            TI better = TF.GreaterThan(best, cost);
            best = TF.Select(better, cost, best);
            bestCode = TI.Select(better, TI.Broadcast(code), bestCode);
        }
        return TI.Any(asked & ~TF.GreaterThan(TF.Broadcast(float.MaxValue), best)) ? throw Unrepresentable() : bestCode;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Cost<TF, TI>(ref float costs, int weight, int code)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        // The digit, where it is in the code, is moved to where it counts rows: one shift for what would take four operations.
        int digit = code & (((1 << DigitBits) - 1) << (DigitBits * weight));
        int shift = BitOperations.Log2((uint)(sizeof(float) * TF.Count)) - (DigitBits * weight);
        int offset = (shift >= 0 ? digit << shift : digit >> -shift) + ((weight << DigitBits) * sizeof(float) * TF.Count);
        return TF.Load(in Unsafe.AddByteOffset(ref costs, (uint)offset));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sum<TF, TI>(ref GridScratch scratch, int first)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        ref float weighted = ref scratch.Products[first];
        ref float factors = ref scratch.Factors[first];
        for (int step = 0; step < Steps; step += TF.Count)
        {
            TF products = TF.Broadcast(0);
            TF squares = TF.Broadcast(0);
            for (int g = 0; g < Groups; g++)
            {
                TI code = TI.Load(in scratch.Codes[(g * GridScratch.MaxSteps) + step]);
                for (int i = g * TFormat.Dimensions; i < (g + 1) * TFormat.Dimensions; i++)
                {
                    TF level = TF.Lookup8(in Levels[0], code);
                    code >>>= DigitBits;
                    products += TF.Broadcast(Unsafe.Add(ref weighted, i)) * level;
                    squares += TF.Broadcast(Unsafe.Add(ref factors, i)) * level * level;
                }
            }
            products.Store(ref scratch.SumsOfProducts[step]);
            squares.Store(ref scratch.SumsOfSquares[step]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Refit<TF, TI>(
        ref GridScratch scratch, GridNeighbours neighbours, int first, int groups, float scale)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        float inverse = 1 / scale;
        ref int points = ref scratch.Points[first / TFormat.Dimensions];
        for (int g = 0; g < Groups; g++)
        {
            if ((groups >> g & 1) == 0)
                continue;
            int code = 0;
            for (int i = 0; i < TFormat.Dimensions; i++)
            {
                int digit = ScalarMath.NearestInt(0.5f * ((inverse * scratch.Magnitudes[first + (g * TFormat.Dimensions) + i]) - 1));
                code |= Math.Clamp(digit, 0, MaxDigit) << (DigitBits * i);
            }
            int mapped = neighbours.Map[code];
            Unsafe.Add(ref points, g) = mapped >= 0
                ? code
                : Nearest<TF, TI>(ref scratch, in neighbours.ListAt(mapped), first + (g * TFormat.Dimensions), scale).Code;
        }

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

    // Callers would exceed what the compiler inlines.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static GridChoice Nearest<TF, TI>(ref GridScratch scratch, ref readonly ushort list, int first, float scale)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        GridChoice choice = GridSearch<TF, TI>.Nearest(
            in list,
            TFormat.Dimensions,
            in scratch.Magnitudes[first],
            in scratch.Roots[first],
            in Levels[0],
            scale,
            ref scratch.Costs[0]);
        return choice.Code >= 0 ? choice : throw Unrepresentable();
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static (GridChoice First, GridChoice Second) NearestOfTwo<TF, TI>(
        ref GridScratch scratch, ref readonly ushort list, int first, float scale, float otherScale)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        (GridChoice First, GridChoice Second) choices = GridSearch<TF, TI>.NearestOfTwo(
            in list,
            TFormat.Dimensions,
            in scratch.Magnitudes[first],
            in scratch.Roots[first],
            in Levels[0],
            scale,
            otherScale,
            ref scratch.Costs[0]);
        return choices.First.Code >= 0 && choices.Second.Code >= 0 ? choices : throw Unrepresentable();
    }

    private static ArithmeticException Unrepresentable() =>
        new($"The weights cannot be quantized to {TFormat.Name}: some squares times their importance overflow a float.");

    private static float[] MakeNumerators()
    {
        float[] numerators = new float[GridScratch.MaxSteps];
        for (int i = 0; i < numerators.Length; i++)
            numerators[i] = MaxLevel + ((Math.Min(i, Steps - 1) - TFormat.Reach) * TFormat.Step);
        return numerators;
    }
}

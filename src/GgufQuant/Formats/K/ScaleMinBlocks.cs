using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Quantizes to and dequantizes from formats with scales and minimums.</summary>
/// <remarks>
/// A batch has one super-block per lane. The search takes their sub-blocks, one per lane, from consecutive super-blocks;
/// steps on whole super-blocks take one per lane.
/// </remarks>
internal readonly struct ScaleMinBlocks<TFormat> : ILaneQuantizer, ILaneDequantizer
    where TFormat : struct, IScaleMinFormat
{
    private static int SubBlocks
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => SuperBlock.Size / TFormat.SubBlockSize;
    }

    public static void Quantize<TF, TI>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        if (importance.IsEmpty)
            Quantize<TF, TI, WithoutImatrix>(weights, rowLength, importance, blocks);
        else
            Quantize<TF, TI, WithImatrix>(weights, rowLength, importance, blocks);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dequantize<TF, TI>(ReadOnlySpan<byte> blocks, Span<float> weights)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<float> scales = stackalloc float[SubBlocks];
        Span<float> minimums = stackalloc float[SubBlocks];
        Span<byte> levels = stackalloc byte[SuperBlock.Size];
        ref byte level = ref MemoryMarshal.GetReference(levels);
        for (; !blocks.IsEmpty; blocks = blocks[TFormat.BlockBytes..], weights = weights[SuperBlock.Size..])
        {
            ReadOnlySpan<byte> block = blocks[..TFormat.BlockBytes];
            if (TF.Count > FloatLanes256.Count)
                Unpack<FloatLanes256, IntLanes256>(block, scales, minimums, ref level);
            else
                Unpack<TF, TI>(block, scales, minimums, ref level);
            ref float destination = ref weights[..SuperBlock.Size][0];
            for (int j = 0; j < SubBlocks; j++)
            {
                TF scale = TF.Broadcast(scales[j]);
                TF minimum = TF.Broadcast(minimums[j]);
                for (int i = j * TFormat.SubBlockSize; i < (j + 1) * TFormat.SubBlockSize; i += TF.Count)
                {
                    TF lanes = TI.ToFloat(TI.LoadBytes(in Unsafe.Add(ref level, i)));
                    ((scale * lanes) - minimum).Store(ref Unsafe.Add(ref destination, i));
                }
            }
        }
    }

    // At most eight lanes: as many as the format with the fewest sub-blocks has scales.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Unpack<TF, TI>(ReadOnlySpan<byte> block, Span<float> scales, Span<float> minimums, ref byte levels)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<byte> storedScales = stackalloc byte[SubBlocks];
        Span<byte> storedMinimums = stackalloc byte[SubBlocks];
        TFormat.UnpackLevels<TF, TI>(in MemoryMarshal.GetReference(block), ref levels);
        TFormat.UnpackScales(block, storedScales, storedMinimums);
        TF factor = TF.Broadcast(HalfConversion.Read(in block[TFormat.FactorsOffset]));
        TF minimumFactor = TF.Broadcast(HalfConversion.Read(in block[TFormat.FactorsOffset + sizeof(ushort)]));
        for (int j = 0; j < SubBlocks; j += TF.Count)
        {
            (factor * TI.ToFloat(TI.LoadBytes(in storedScales[j]))).Store(ref scales[j]);
            (minimumFactor * TI.ToFloat(TI.LoadBytes(in storedMinimums[j]))).Store(ref minimums[j]);
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Quantize<TF, TI, TMode>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
        where TMode : struct, IImatrixMode
    {
        int batchSize = TF.Count;
        Span<float> padded = stackalloc float[batchSize * SuperBlock.Size];
        Span<float> factors = stackalloc float[TMode.Given ? batchSize * SuperBlock.Size : 0];
        Span<float> fits = stackalloc float[5 * batchSize * SubBlocks];
        Fits found = new(fits, batchSize * SubBlocks);
        Span<byte> scales = stackalloc byte[batchSize * SubBlocks];
        Span<byte> minimums = stackalloc byte[batchSize * SubBlocks];
        Span<float> blockFactors = stackalloc float[2 * batchSize];

        int total = weights.Length / SuperBlock.Size;
        for (int first = 0; first < total; first += batchSize)
        {
            int count = Math.Min(batchSize, total - first);
            scoped ReadOnlySpan<float> batch = SuperBlock.Batch(weights, first, count, padded);
            Span<byte> target = blocks.Slice(first * TFormat.BlockBytes, count * TFormat.BlockBytes);
            if (TMode.Given)
                ImportanceFactors<TF, TI>.WithVariance(batch, TFormat.VarianceFactor, count, first, rowLength, importance, factors);
            SearchSubBlocks<TF, TI, TMode>(batch, count, factors, found);
            if (TMode.Given)
                StoreScalesWithImatrix<TF, TI>(found, count, scales, minimums, blockFactors);
            else
                StoreScalesWithoutImatrix<TF, TI>(found, count, scales, minimums, blockFactors);
            for (int b = 0; b < count; b++)
            {
                Write<TF, TI>(
                    batch.Slice(b * SuperBlock.Size, SuperBlock.Size), found, b * SubBlocks,
                    scales.Slice(b * SubBlocks, SubBlocks), minimums.Slice(b * SubBlocks, SubBlocks),
                    blockFactors[2 * b], blockFactors[(2 * b) + 1],
                    target.Slice(b * TFormat.BlockBytes, TFormat.BlockBytes));
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SearchSubBlocks<TF, TI, TMode>(
        ReadOnlySpan<float> batch, int count, ReadOnlySpan<float> factors, Fits found)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
        where TMode : struct, IImatrixMode
    {
        int size = TFormat.SubBlockSize * TF.Count;
        ref float laneWeights = ref CacheLines.Align(stackalloc float[(2 * size) + CacheLines.Spare]);
        ref float laneFactors = ref CacheLines.Align(stackalloc float[(2 * size) + CacheLines.Spare]);
        ref float laneLevels = ref CacheLines.Align(stackalloc float[(2 * size) + CacheLines.Spare]);
        for (int j = 0; j < count * SubBlocks; j += 2 * TF.Count)
        {
            for (int group = 0; group < 2; group++)
            {
                int at = (j + (group * TF.Count)) * TFormat.SubBlockSize;
                ref float groupWeights = ref Unsafe.Add(ref laneWeights, group * size);
                ref float groupFactors = ref Unsafe.Add(ref laneFactors, group * size);
                Transposition.Run(in batch[at], TF.Count, TFormat.SubBlockSize, ref groupWeights);
                if (TMode.Given)
                    Transposition.Run(in factors[at], TF.Count, TFormat.SubBlockSize, ref groupFactors);
                else
                    WeighByMagnitude<TF, TI>(ref groupWeights, ref groupFactors);
            }
            ScaleMinSearch<TF, TI, Rule<TMode>>.Run(
                ref laneWeights, ref laneFactors, ref laneLevels, out ScaleMinFit<TF> first, out ScaleMinFit<TF> second);
            Store<TF, TI>(first, found, j);
            Store<TF, TI>(second, found, j + TF.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TF, TI>(ScaleMinFit<TF> fit, Fits found, int at)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        fit.Scale.Store(ref found.Scales[at]);
        fit.Minimum.Store(ref found.Minimums[at]);
        fit.FactorSum.Store(ref found.FactorSums[at]);
        fit.LevelScale.Store(ref found.LevelScales[at]);
        fit.LevelMinimum.Store(ref found.LevelMinimums[at]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WeighByMagnitude<TF, TI>(ref float weights, ref float factors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF rms = TF.Broadcast(0);
        if (!TFormat.ErrorsAreAbsoluteWithoutImatrix)
        {
            for (int e = 0; e < TFormat.SubBlockSize; e++)
            {
                TF weight = TF.Load(in Unsafe.Add(ref weights, e * TF.Count));
                rms += weight * weight;
            }
            rms = TF.Sqrt(rms / TF.Broadcast(TFormat.SubBlockSize));
        }
        for (int e = 0; e < TFormat.SubBlockSize; e++)
        {
            TF magnitude = TF.Abs(TF.Load(in Unsafe.Add(ref weights, e * TF.Count)));
            (rms + magnitude).Store(ref Unsafe.Add(ref factors, e * TF.Count));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StoreScalesWithoutImatrix<TF, TI>(
        Fits found, int count, Span<byte> scales, Span<byte> minimums, Span<float> blockFactors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        StoreScalesWithoutImatrix<TF, TI>(found.Scales, count, scales, blockFactors);
        StoreScalesWithoutImatrix<TF, TI>(found.Minimums, count, minimums, blockFactors[1..]);
    }

    // A lane is a super-block first, and then a sub-block.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StoreScalesWithoutImatrix<TF, TI>(ReadOnlySpan<float> scales, int count, Span<byte> stored, Span<float> blockFactors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<float> rows = stackalloc float[SubBlocks * TF.Count];
        Span<float> results = stackalloc float[2 * TF.Count];
        Transposition.Run(in scales[0], TF.Count, SubBlocks, ref rows[0]);
        TF zero = TF.Broadcast(0);
        TF greatest = zero;
        for (int j = 0; j < SubBlocks; j++)
            greatest = TF.Max(TF.Load(in rows[j * TF.Count]), greatest);
        TF max = TF.Broadcast(TFormat.MaxScale);
        TF.Select(TF.GreaterThan(greatest, zero), max / greatest, zero).Store(ref results[0]);
        (greatest / max).Store(ref results[TF.Count]);

        Span<float> inverses = rows;
        for (int b = 0; b < count; b++)
        {
            inverses.Slice(b * SubBlocks, SubBlocks).Fill(results[b]);
            blockFactors[2 * b] = results[TF.Count + b];
        }
        for (int i = 0; i < count * SubBlocks; i += TF.Count)
        {
            TI level = TF.NearestInt(TF.Load(in inverses[i]) * TF.Load(in scales[i])) & TI.Broadcast(byte.MaxValue);
            if (TFormat.CapsScales(weighted: false))
                level = TI.Min(level, TI.Broadcast(TFormat.MaxScale));
            level.StoreBytes(ref stored[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StoreScalesWithImatrix<TF, TI>(
        Fits found, int count, Span<byte> scales, Span<byte> minimums, Span<float> blockFactors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<float> factorSums = stackalloc float[SubBlocks * TF.Count];
        Transposition.Run(in found.FactorSums[0], TF.Count, SubBlocks, ref factorSums[0]);
        StoreScalesWithImatrix<TF, TI>(found.Scales, factorSums, count, scales, blockFactors);
        StoreScalesWithImatrix<TF, TI>(found.Minimums, factorSums, count, minimums, blockFactors[1..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StoreScalesWithImatrix<TF, TI>(
        ReadOnlySpan<float> scales, Span<float> factorSums, int count, Span<byte> stored, Span<float> blockFactors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<float> laneScales = stackalloc float[SubBlocks * TF.Count];
        Span<int> levels = stackalloc int[SubBlocks * TF.Count];
        Span<float> results = stackalloc float[TF.Count];
        Transposition.Run(in scales[0], TF.Count, SubBlocks, ref laneScales[0]);
        PositiveScaleSearch<TF, TI>.Run(ref laneScales[0], ref factorSums[0], SubBlocks, TFormat.MaxScale, ref levels[0])
            .Store(ref results[0]);
        for (int b = 0; b < count; b++)
        {
            blockFactors[2 * b] = results[b];
            for (int j = 0; j < SubBlocks; j++)
            {
                byte level = (byte)levels[(j * TF.Count) + b];
                stored[(b * SubBlocks) + j] = TFormat.CapsScales(weighted: true) ? Math.Min(level, (byte)TFormat.MaxScale) : level;
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Write<TF, TI>(
        ReadOnlySpan<float> weights, Fits found, int firstSubBlock, Span<byte> scales, Span<byte> minimums,
        float factor, float minimumFactor, Span<byte> block)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        HalfConversion.Write(ref block[TFormat.FactorsOffset], factor);
        HalfConversion.Write(ref block[TFormat.FactorsOffset + sizeof(ushort)], minimumFactor);
        factor = HalfConversion.Read(in block[TFormat.FactorsOffset]);
        minimumFactor = HalfConversion.Read(in block[TFormat.FactorsOffset + sizeof(ushort)]);
        TFormat.PackScales(scales, minimums, block);
        // Numbers that wrapped read back as different ones.
        TFormat.UnpackScales(block, scales, minimums);

        Span<float> divisors = stackalloc float[SubBlocks];
        Span<float> offsets = stackalloc float[SubBlocks];
        bool vanishes = false;
        for (int j = 0; j < SubBlocks; j++)
        {
            divisors[j] = factor * scales[j];
            offsets[j] = minimumFactor * minimums[j];
            vanishes |= divisors[j] == 0;
        }
        Span<byte> levels = stackalloc byte[SuperBlock.Size];
        ref float weight = ref MemoryMarshal.GetReference(weights);
        ref byte level = ref MemoryMarshal.GetReference(levels);
        for (int j = 0; j < SubBlocks; j++)
        {
            TF divisor = TF.Broadcast(divisors[j]);
            TF offset = TF.Broadcast(offsets[j]);
            for (int i = j * TFormat.SubBlockSize; i < (j + 1) * TFormat.SubBlockSize; i += TF.Count)
            {
                TF shifted = TF.Load(in Unsafe.Add(ref weight, i)) + offset;
                StoreLevels<TF, TI>(shifted / divisor, ref Unsafe.Add(ref level, i));
            }
        }
        if (vanishes)
            KeepLevels<TF, TI>(weights, found, firstSubBlock, divisors, levels);
        TFormat.PackLevels(levels, block);
    }

    // If a scale vanishes, the levels of the search are kept.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void KeepLevels<TF, TI>(
        ReadOnlySpan<float> weights, Fits found, int firstSubBlock, ReadOnlySpan<float> divisors, Span<byte> levels)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        for (int j = 0; j < SubBlocks; j++)
        {
            if (divisors[j] != 0)
                continue;
            TF offset = TF.Broadcast(-found.LevelMinimums[firstSubBlock + j]);
            TF levelScale = TF.Broadcast(found.LevelScales[firstSubBlock + j]);
            for (int i = j * TFormat.SubBlockSize; i < (j + 1) * TFormat.SubBlockSize; i += TF.Count)
                StoreLevels<TF, TI>(levelScale * (TF.Load(in weights[i]) + offset), ref levels[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLevels<TF, TI>(TF scaled, ref byte levels)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        TI.Max(TI.Broadcast(0), TI.Min(TI.Broadcast(TFormat.MaxLevel), TF.NearestInt(scaled))).StoreBytes(ref levels);

    private readonly struct Rule<TMode> : IScaleMinRule
        where TMode : struct, IImatrixMode
    {
        public static int SubBlockSize => TFormat.SubBlockSize;

        public static int MaxLevel => TFormat.MaxLevel;

        public static ScaleSteps Steps => TMode.Given ? ScaleSteps.WithImatrix : TFormat.StepsWithoutImatrix;

        public static bool ErrorsAreAbsolute
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TFormat.ErrorsAreAbsoluteWithoutImatrix && !TMode.Given;
        }
    }

    /// <summary>The results of the search, a number per sub-block of the batch.</summary>
    private readonly ref struct Fits(Span<float> storage, int count)
    {
        public Span<float> Scales { get; } = storage[..count];

        public Span<float> Minimums { get; } = storage.Slice(count, count);

        public Span<float> FactorSums { get; } = storage.Slice(2 * count, count);

        public Span<float> LevelScales { get; } = storage.Slice(3 * count, count);

        public Span<float> LevelMinimums { get; } = storage.Slice(4 * count, count);
    }
}

using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Quantizes to and dequantizes from formats with signed levels.</summary>
/// <remarks>Batches and lanes are as in <see cref="ScaleMinBlocks{TFormat}"/>.</remarks>
internal readonly struct ScaleOnlyBlocks<TFormat> : ILaneQuantizer, ILaneDequantizer
    where TFormat : struct, IScaleOnlyFormat
{
    private const int SubBlockSize = 16;
    private const int SubBlocks = SuperBlock.Size / SubBlockSize;
    private const int DescentBatches = 4;

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
        Span<sbyte> scales = stackalloc sbyte[SubBlocks];
        Span<byte> levels = stackalloc byte[SuperBlock.Size];
        ref byte level = ref MemoryMarshal.GetReference(levels);
        TI range = TI.Broadcast(TFormat.LevelRange);
        for (; !blocks.IsEmpty; blocks = blocks[TFormat.BlockBytes..], weights = weights[SuperBlock.Size..])
        {
            ref byte block = ref MemoryMarshal.GetReference(blocks);
            if (TF.Count > FloatLanes256.Count)
                TFormat.UnpackLevels<FloatLanes256, IntLanes256>(in block, ref level);
            else
                TFormat.UnpackLevels<TF, TI>(in block, ref level);
            TFormat.UnpackScales(blocks, scales);
            float factor = HalfConversion.Read(in blocks[TFormat.FactorOffset]);
            ref float destination = ref weights[..SuperBlock.Size][0];
            for (int j = 0; j < SubBlocks; j++)
            {
                TF scale = TF.Broadcast(factor * scales[j]);
                for (int i = j * SubBlockSize; i < (j + 1) * SubBlockSize; i += TF.Count)
                {
                    TF lanes = TI.ToFloat(TI.LoadBytes(in Unsafe.Add(ref level, i)) - range);
                    (scale * lanes).Store(ref Unsafe.Add(ref destination, i));
                }
            }
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
        int batchSize = TFormat.DescendsWithoutImatrix && !TMode.Given ? DescentBatches * TF.Count : TF.Count;
        Span<float> padded = stackalloc float[batchSize * SuperBlock.Size];
        Span<float> factors = stackalloc float[TMode.Given ? batchSize * SuperBlock.Size : 0];
        Span<float> scales = stackalloc float[batchSize * SubBlocks];
        Span<float> inverses = stackalloc float[batchSize * SubBlocks];
        Span<float> factorSums = stackalloc float[batchSize * SubBlocks];
        Span<sbyte> stored = stackalloc sbyte[batchSize * SubBlocks];
        Span<float> blockFactors = stackalloc float[batchSize];
        Span<ushort> halves = stackalloc ushort[batchSize];
        Span<float> readFactors = stackalloc float[batchSize];

        int total = weights.Length / SuperBlock.Size;
        for (int first = 0; first < total; first += batchSize)
        {
            int count = Math.Min(batchSize, total - first);
            int whole = (count + TF.Count - 1) / TF.Count * TF.Count;
            scoped ReadOnlySpan<float> batch = SuperBlock.Batch(weights, first, count, padded[..(whole * SuperBlock.Size)]);
            Span<byte> target = blocks.Slice(first * TFormat.BlockBytes, count * TFormat.BlockBytes);
            if (TMode.Given && TFormat.WeighsByVariance)
                ImportanceFactors<TF, TI>.WithVariance(batch, 2, count, first, rowLength, importance, factors);
            else if (TMode.Given)
                ImportanceFactors<TF, TI>.Copy(count, first, rowLength, importance, factors);
            SearchSubBlocks<TF, TI, TMode>(batch, count, factors, scales, inverses, factorSums);
            for (int b = 0; b < count; b += TF.Count)
            {
                StoreScales<TF, TI, TMode>(
                    scales[(b * SubBlocks)..], factorSums[(b * SubBlocks)..], Math.Min(TF.Count, count - b),
                    stored[(b * SubBlocks)..], blockFactors[b..], halves[b..], readFactors[b..]);
            }
            for (int b = 0; b < count; b++)
            {
                Span<byte> block = target.Slice(b * TFormat.BlockBytes, TFormat.BlockBytes);
                if (TFormat.ClearsNegligible && blockFactors[b] == 0)
                {
                    block.Clear();
                    continue;
                }
                BinaryPrimitives.WriteUInt16LittleEndian(block[TFormat.FactorOffset..], halves[b]);
                Write<TF, TI, TMode>(
                    batch.Slice(b * SuperBlock.Size, SuperBlock.Size), inverses.Slice(b * SubBlocks, SubBlocks),
                    stored.Slice(b * SubBlocks, SubBlocks), readFactors[b], block);
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SearchSubBlocks<TF, TI, TMode>(
        ReadOnlySpan<float> batch, int count, ReadOnlySpan<float> factors,
        Span<float> scales, Span<float> inverses, Span<float> factorSums)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
        where TMode : struct, IImatrixMode
    {
        if (TFormat.DescendsWithoutImatrix && !TMode.Given)
        {
            ScaleOnlyDescent<TF, TI>.Run(batch, TFormat.LevelRange, scales[..(batch.Length / SubBlockSize)]);
            return;
        }
        int size = SubBlockSize * TF.Count;
        ref float laneWeights = ref CacheLines.Align(stackalloc float[size + CacheLines.Spare]);
        ref float laneFactors = ref CacheLines.Align(stackalloc float[size + CacheLines.Spare]);
        ref float products = ref CacheLines.Align(stackalloc float[size + CacheLines.Spare]);
        for (int j = 0; j < count * SubBlocks; j += TF.Count)
        {
            int at = j * SubBlockSize;
            Transposition.Run(in batch[at], TF.Count, SubBlockSize, ref laneWeights);
            if (TMode.Given)
                Transposition.Run(in factors[at], TF.Count, SubBlockSize, ref laneFactors);
            TF sum = TF.Broadcast(0);
            for (int e = 0; e < size; e += TF.Count)
            {
                TF factor;
                if (TMode.Given)
                {
                    factor = TF.Load(in Unsafe.Add(ref laneFactors, e));
                }
                else
                {
                    TF weight = TF.Load(in Unsafe.Add(ref laneWeights, e));
                    factor = weight * weight;
                    factor.Store(ref Unsafe.Add(ref laneFactors, e));
                }
                sum += factor;
            }
            sum.Store(ref factorSums[j]);
            ScaleOnlySearch<TF, TI, BoundedRounding>.Run(
                ref laneWeights, ref laneFactors, SubBlockSize, TFormat.LevelRange, ref products, out TF inverse, out _).Store(ref scales[j]);
            inverse.Store(ref inverses[j]);
        }
    }

    // A lane is a super-block here, and then a sub-block. The factors are also given as halves, and as they will be read.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StoreScales<TF, TI, TMode>(
        ReadOnlySpan<float> scales, ReadOnlySpan<float> factorSums, int count,
        Span<sbyte> stored, Span<float> blockFactors, Span<ushort> halves, Span<float> readFactors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
        where TMode : struct, IImatrixMode
    {
        int size = SubBlocks * TF.Count;
        ref float laneScales = ref CacheLines.Align(stackalloc float[size + CacheLines.Spare]);
        Transposition.Run(in scales[0], TF.Count, SubBlocks, ref laneScales);
        TF factor;
        TF inverse;
        TI vanishes;
        if (TMode.Given && TFormat.WeighsByVariance)
        {
            ref float laneFactors = ref CacheLines.Align(stackalloc float[size + CacheLines.Spare]);
            ref float products = ref CacheLines.Align(stackalloc float[size + CacheLines.Spare]);
            Transposition.Run(in factorSums[0], TF.Count, SubBlocks, ref laneFactors);
            factor = ScaleOnlySearch<TF, TI, WrappingRounding>.Run(
                ref laneScales, ref laneFactors, SubBlocks, TFormat.ScaleRange, ref products, out inverse, out vanishes);
        }
        else
        {
            // The scale of the greatest magnitude gets the lowest number.
            TF zero = TF.Broadcast(0);
            TF extreme = ScaleOnlyLanes<TF, TI>.Extreme(ref laneScales, SubBlocks, out TI negligible);
            vanishes = TFormat.ClearsNegligible ? negligible : TF.Equal(extreme, zero);
            inverse = TF.Broadcast(-TFormat.ScaleRange) / extreme;
            factor = TF.Select(vanishes, zero, TF.Broadcast(1) / inverse);
        }
        factor.Store(ref blockFactors[0]);
        TI half = HalfConversion.Narrow<TF, TI>(factor);
        half.StoreUInt16(ref halves[0]);
        HalfConversion.Widen<TF, TI>(half).Store(ref readFactors[0]);

        Span<float> inverses = stackalloc float[TF.Count];
        inverse.Store(ref inverses[0]);
        uint withoutScale = TI.MaskBits(vanishes);
        for (int b = 0; b < count; b++, withoutScale >>= 1)
        {
            Span<sbyte> target = stored.Slice(b * SubBlocks, SubBlocks);
            if ((withoutScale & 1) != 0)
            {
                target.Fill((sbyte)-TFormat.ScaleRange);
                continue;
            }
            TF lanes = TF.Broadcast(inverses[b]);
            for (int j = 0; j < SubBlocks; j += TF.Count)
            {
                TI level = ScaleOnlyLanes<TF, TI>.Level(lanes * TF.Load(in scales[(b * SubBlocks) + j]), TFormat.ScaleRange);
                level.StoreBytes(ref Unsafe.As<sbyte, byte>(ref target[j]));
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Write<TF, TI, TMode>(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> inverses, ReadOnlySpan<sbyte> stored, float factor, Span<byte> block)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
        where TMode : struct, IImatrixMode
    {
        TFormat.PackScales(stored, block);

        Span<float> scales = stackalloc float[SubBlocks];
        TF zero = TF.Broadcast(0);
        TI vanishes = TI.Broadcast(0);
        for (int j = 0; j < SubBlocks; j += TF.Count)
        {
            TF scale = TF.Broadcast(factor) * TI.ToFloat(TI.LoadSBytes(in stored[j]));
            scale.Store(ref scales[j]);
            vanishes |= TF.Equal(scale, zero);
        }
        Span<byte> levels = stackalloc byte[SuperBlock.Size];
        ref float weight = ref MemoryMarshal.GetReference(weights);
        ref byte level = ref MemoryMarshal.GetReference(levels);
        TI range = TI.Broadcast(TFormat.LevelRange);
        for (int j = 0; j < SubBlocks; j++)
        {
            TF divisor = TF.Broadcast(scales[j]);
            for (int e = j * SubBlockSize; e < (j + 1) * SubBlockSize; e += TF.Count)
            {
                TF quotient = TF.Load(in Unsafe.Add(ref weight, e)) / divisor;
                (ScaleOnlyLanes<TF, TI>.Level(quotient, TFormat.LevelRange) + range).StoreBytes(ref Unsafe.Add(ref level, e));
            }
        }
        if (TI.Any(vanishes))
            KeepLevels<TMode>(weights, inverses, scales, levels);
        TFormat.PackLevels(levels, block);
    }

    // If a scale vanishes, the levels of the search are kept. So rare that they are found again rather than stored every time.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void KeepLevels<TMode>(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> inverses, ReadOnlySpan<float> scales, Span<byte> levels)
        where TMode : struct, IImatrixMode
    {
        for (int j = 0; j < SubBlocks; j++)
        {
            if (scales[j] != 0)
                continue;
            ReadOnlySpan<float> subBlock = weights.Slice(j * SubBlockSize, SubBlockSize);
            Span<byte> target = levels.Slice(j * SubBlockSize, SubBlockSize);
            if (TFormat.DescendsWithoutImatrix && !TMode.Given)
            {
                ScaleOnlyLevels.Find(subBlock, TFormat.LevelRange, target);
                continue;
            }
            ref float lane = ref MemoryMarshal.GetReference(subBlock);
            ScaleOnlyLanes<FloatLane, IntLane>.Extreme(ref lane, SubBlockSize, out IntLane negligible);
            ScaleOnlySearch<FloatLane, IntLane, BoundedRounding>.StoreLevels(
                ref lane, SubBlockSize, TFormat.LevelRange, FloatLane.Broadcast(inverses[j]), negligible, ref target[0]);
        }
    }
}

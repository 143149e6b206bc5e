using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Quantizes to an <see cref="ILegacyFormat"/> with importance weights, a block per lane.</summary>
internal readonly struct LegacyImatrixBlocks<TFormat> : ILaneQuantizer
    where TFormat : struct, ILegacyFormat
{
    private const int Size = LegacyBlocks<TFormat>.Size;
    private const int Half = LegacyBlocks<TFormat>.Half;

    // The search for a scale and a minimum takes two groups of lanes in turns.
    private static int Groups => TFormat.HasMinimum ? 2 : 1;

    private static int MaxCode => LegacyBlocks<TFormat>.MaxCode;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize<TF, TI>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int batchSize = Size * TF.Count * Groups;
        Span<float> padded = stackalloc float[batchSize];
        Span<float> factors = stackalloc float[batchSize];
        Span<float> variances = stackalloc float[TF.Count];
        while (!weights.IsEmpty)
        {
            scoped ReadOnlySpan<float> rows = weights[..(int)Math.Min((long)TF.Count * rowLength, weights.Length)];
            weights = weights[rows.Length..];
            MeanSquares<TF, TI>(rows, rowLength, variances);
            for (int first = 0; first < rows.Length; first += batchSize)
            {
                scoped ReadOnlySpan<float> batch = rows.Slice(first, Math.Min(batchSize, rows.Length - first));
                int count = batch.Length / Size;
                for (int b = 0; b < count; b++)
                {
                    (int row, int column) = Math.DivRem(first + (b * Size), rowLength);
                    Weigh<TF, TI>(in batch[b * Size], in importance[column], variances[row], ref factors[b * Size]);
                }
                if (batch.Length < batchSize)
                {
                    batch.CopyTo(padded);
                    padded[batch.Length..].Clear();
                    factors[batch.Length..].Clear();
                    batch = padded;
                }
                MakeBlocks<TF, TI>(batch, factors, count, blocks);
                blocks = blocks[(count * TFormat.BlockBytes)..];
            }
        }
    }

    /// <summary>The mean square of each row, summed in ggml's order, as many rows side by side as there are lanes for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MeanSquares<TF, TI>(ReadOnlySpan<float> rows, int rowLength, Span<float> means)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int count = rows.Length / rowLength;
        int row = 0;
        for (; row + TF.Count <= count; row += TF.Count)
            MeanSquaresOfLanes<TF, TI>(rows[(row * rowLength)..], rowLength, means[row..]);
        for (; row + FloatLanes128.Count <= count; row += FloatLanes128.Count)
            MeanSquaresOfLanes<FloatLanes128, IntLanes128>(rows[(row * rowLength)..], rowLength, means[row..]);
        for (; row < count; row++)
            MeanSquaresOfLanes<FloatLane, IntLane>(rows[(row * rowLength)..], rowLength, means[row..]);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MeanSquaresOfLanes<TF, TI>(ReadOnlySpan<float> rows, int rowLength, Span<float> means)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        ref float columns = ref CacheLines.Align(stackalloc float[(Size * TF.Count) + CacheLines.Spare]);
        TF sum = TF.Broadcast(0);
        for (int column = 0; column < rowLength; column += Size)
        {
            Transposition.Run(in rows[column], TF.Count, rowLength, Size, ref columns);
            sum = AddSquares<TF, TI>(sum, ref columns);
        }
        (sum / TF.Broadcast(rowLength)).Store(ref means[0]);
    }

    // A method of its own, without calls: a sum that lives across calls would stay in memory.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static TF AddSquares<TF, TI>(TF sum, ref float columns)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        for (int at = 0; at < Size * TF.Count; at += TF.Count)
        {
            TF weight = TF.Load(in Unsafe.Add(ref columns, at));
            sum += weight * weight;
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Weigh<TF, TI>(ref readonly float weights, ref readonly float importance, float variance, ref float factors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        for (int e = 0; e < Size; e += TF.Count)
        {
            TF weight = BlockLanes<TF, TI>.At(in weights, e);
            TF factor = BlockLanes<TF, TI>.At(in importance, e) * TF.Sqrt(TF.Broadcast(variance) + (weight * weight));
            factor.Store(ref Unsafe.Add(ref factors, e));
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MakeBlocks<TF, TI>(ReadOnlySpan<float> batch, ReadOnlySpan<float> factors, int count, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int group = Size * TF.Count;
        ref float laneWeights = ref CacheLines.Align(stackalloc float[batch.Length + CacheLines.Spare]);
        ref float laneFactors = ref CacheLines.Align(stackalloc float[batch.Length + CacheLines.Spare]);
        ref float scratch = ref CacheLines.Align(stackalloc float[batch.Length + CacheLines.Spare]);
        // The search has no more use for its scratch when the codes are made.
        ref int codes = ref Unsafe.As<float, int>(ref scratch);
        Span<float> scales = stackalloc float[TF.Count * Groups];
        Span<float> minimums = stackalloc float[TF.Count * Groups];
        for (int at = 0; at < batch.Length; at += group)
        {
            Transposition.Run(in batch[at], TF.Count, Size, ref Unsafe.Add(ref laneWeights, at));
            Transposition.Run(in factors[at], TF.Count, Size, ref Unsafe.Add(ref laneFactors, at));
        }
        if (TFormat.HasMinimum)
        {
            ScaleMinSearch<TF, TI, Rule>.Run(
                ref laneWeights, ref laneFactors, ref scratch, out ScaleMinFit<TF> first, out ScaleMinFit<TF> second);
            Encode<TF, TI>(first, ref laneWeights, ref codes, ref scales[0], ref minimums[0]);
            Encode<TF, TI>(
                second, ref Unsafe.Add(ref laneWeights, group), ref Unsafe.Add(ref codes, group), ref scales[TF.Count], ref minimums[TF.Count]);
        }
        else
        {
            ScaleOnlySearch<TF, TI, BoundedRounding>.Run(
                ref laneWeights, ref laneFactors, Size, LegacyBlocks<TFormat>.ZeroCode, ref scratch, out TF inverse, out TI negligible)
                .Store(ref scales[0]);
            Encode<TF, TI>(inverse, negligible, ref laneWeights, ref codes);
        }
        for (int block = 0; block < count; block += TF.Count)
        {
            Write<TF, TI>(
                ref Unsafe.Add(ref codes, block * Size), scales[block..], minimums[block..], Math.Min(TF.Count, count - block),
                blocks[(block * TFormat.BlockBytes)..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Encode<TF, TI>(TF inverse, TI negligible, ref float weights, ref int codes)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int range = LegacyBlocks<TFormat>.ZeroCode;
        for (int at = 0; at < Size * TF.Count; at += TF.Count)
        {
            TI level = ScaleOnlyLanes<TF, TI>.Level(inverse * TF.Load(in Unsafe.Add(ref weights, at)), range);
            ((level + TI.Broadcast(range)) & ~negligible).Store(ref Unsafe.Add(ref codes, at));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Encode<TF, TI>(ScaleMinFit<TF> fit, ref float weights, ref int codes, ref float scales, ref float minimums)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        fit.Scale.Store(ref scales);
        (-fit.Minimum).Store(ref minimums);
        for (int at = 0; at < Size * TF.Count; at += TF.Count)
        {
            TI level = TF.NearestInt(fit.LevelScale * (TF.Load(in Unsafe.Add(ref weights, at)) - fit.LevelMinimum));
            TI.Max(TI.Broadcast(0), TI.Min(TI.Broadcast(MaxCode), level)).Store(ref Unsafe.Add(ref codes, at));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Write<TF, TI>(
        ref int codes, ReadOnlySpan<float> scales, ReadOnlySpan<float> minimums, int count, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<int> nibbles = stackalloc int[Half / sizeof(int) * TF.Count];
        Span<int> fifthBits = stackalloc int[TF.Count];
        TI fifths = TI.Broadcast(0);
        for (int word = 0; word < Half / sizeof(int); word++)
        {
            TI packed = TI.Broadcast(0);
            for (int i = 0; i < sizeof(int); i++)
            {
                int e = (word * sizeof(int)) + i;
                TI low = TI.Load(in Unsafe.Add(ref codes, e * TF.Count));
                TI high = TI.Load(in Unsafe.Add(ref codes, (e + Half) * TF.Count));
                if (TFormat.CodeBits == 5)
                {
                    fifths |= ((low >>> 4) << e) | ((high >>> 4) << (e + Half));
                    low &= TI.Broadcast(0xF);
                    high &= TI.Broadcast(0xF);
                }
                packed |= (low | (high << 4)) << (8 * i);
            }
            packed.Store(ref nibbles[word * TF.Count]);
        }
        fifths.Store(ref fifthBits[0]);
        for (int b = 0; b < count; b++)
        {
            ref byte block = ref blocks[b * TFormat.BlockBytes];
            HalfConversion.Write(ref block, scales[b]);
            if (TFormat.HasMinimum)
                HalfConversion.Write(ref Unsafe.Add(ref block, sizeof(ushort)), minimums[b]);
            if (TFormat.CodeBits == 5)
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref block, LegacyBlocks<TFormat>.FifthBitsOffset), fifthBits[b]);
            for (int word = 0; word < Half / sizeof(int); word++)
            {
                ref byte target = ref Unsafe.Add(ref block, LegacyBlocks<TFormat>.NibblesOffset + (word * sizeof(int)));
                Unsafe.WriteUnaligned(ref target, nibbles[(word * TF.Count) + b]);
            }
        }
    }

    private readonly struct Rule : IScaleMinRule
    {
        public static int SubBlockSize => Size;

        public static int MaxLevel => MaxCode;

        public static ScaleSteps Steps => ScaleSteps.WithImatrix;

        public static bool ErrorsAreAbsolute => false;
    }
}

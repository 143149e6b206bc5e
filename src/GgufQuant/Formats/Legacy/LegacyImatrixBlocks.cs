using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Quantizes to an <see cref="ILegacyFormat"/> with importance weights, a block per lane.</summary>
internal readonly struct LegacyImatrixBlocks<TFormat> : ILaneQuantizer
    where TFormat : struct, ILegacyFormat
{
    private const int Size = LegacyBlocks<TFormat>.Size;
    private const int Half = LegacyBlocks<TFormat>.Half;
    private const int RowsAtOnce = 4;

    private static int MaxCode => LegacyBlocks<TFormat>.MaxCode;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize<TF, TI>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int batchSize = Size * TF.Count;
        Span<float> padded = stackalloc float[batchSize];
        Span<float> factors = stackalloc float[batchSize];
        Span<float> variances = stackalloc float[RowsAtOnce];
        while (!weights.IsEmpty)
        {
            scoped ReadOnlySpan<float> rows = weights[..(int)Math.Min((long)RowsAtOnce * rowLength, weights.Length)];
            weights = weights[rows.Length..];
            MeanSquares(rows, rowLength, variances);
            for (int first = 0; first < rows.Length; first += batchSize)
            {
                scoped ReadOnlySpan<float> batch = rows.Slice(first, Math.Min(batchSize, rows.Length - first));
                int count = batch.Length / Size;
                for (int b = 0; b < count; b++)
                {
                    (int row, int column) = Math.DivRem(first + (b * Size), rowLength);
                    Weigh<TF, TI>(in batch[b * Size], in importance[column], variances[row], ref factors[b * Size]);
                }
                if (count < TF.Count)
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

    /// <summary>The mean square of each row, summed in ggml's order, four rows side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MeanSquares(ReadOnlySpan<float> rows, int rowLength, Span<float> means)
    {
        if (rows.Length < RowsAtOnce * rowLength)
        {
            for (int row = 0; row < rows.Length / rowLength; row++)
            {
                float sum = 0;
                foreach (float weight in rows.Slice(row * rowLength, rowLength))
                    sum += weight * weight;
                means[row] = sum / rowLength;
            }
            return;
        }
        ReadOnlySpan<float> row0 = rows[..rowLength];
        ReadOnlySpan<float> row1 = rows.Slice(rowLength, rowLength);
        ReadOnlySpan<float> row2 = rows.Slice(2 * rowLength, rowLength);
        ReadOnlySpan<float> row3 = rows.Slice(3 * rowLength, rowLength);
        (float sum0, float sum1, float sum2, float sum3) = (0, 0, 0, 0);
        for (int i = 0; i < row0.Length; i++)
        {
            sum0 += row0[i] * row0[i];
            sum1 += row1[i] * row1[i];
            sum2 += row2[i] * row2[i];
            sum3 += row3[i] * row3[i];
        }
        means[0] = sum0 / rowLength;
        means[1] = sum1 / rowLength;
        means[2] = sum2 / rowLength;
        means[3] = sum3 / rowLength;
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
        ref float laneWeights = ref CacheLines.Align(stackalloc float[batch.Length + CacheLines.Spare]);
        ref float laneFactors = ref CacheLines.Align(stackalloc float[batch.Length + CacheLines.Spare]);
        ref float scratch = ref CacheLines.Align(stackalloc float[batch.Length + CacheLines.Spare]);
        ref byte codes = ref (stackalloc byte[batch.Length])[0];
        Span<float> scales = stackalloc float[TF.Count];
        Span<float> minimums = stackalloc float[TF.Count];
        Transposition.Run(in batch[0], TF.Count, Size, ref laneWeights);
        Transposition.Run(in factors[0], TF.Count, Size, ref laneFactors);
        if (TFormat.HasMinimum)
        {
            ScaleMinFit<TF> fit = ScaleMinSearch<TF, TI, Rule>.Run(ref laneWeights, ref laneFactors, ref scratch);
            fit.Scale.Store(ref scales[0]);
            (-fit.Minimum).Store(ref minimums[0]);
            for (int at = 0; at < batch.Length; at += TF.Count)
            {
                TI level = TF.NearestInt(fit.LevelScale * (TF.Load(in Unsafe.Add(ref laneWeights, at)) - fit.LevelMinimum));
                TI.Max(TI.Broadcast(0), TI.Min(TI.Broadcast(MaxCode), level)).StoreBytes(ref Unsafe.Add(ref codes, at));
            }
        }
        else
        {
            ScaleOnlySearch<TF, TI, BoundedRounding>.Run(
                ref laneWeights, ref laneFactors, Size, LegacyBlocks<TFormat>.ZeroCode, ref scratch, ref codes).Store(ref scales[0]);
        }
        Write<TF, TI>(ref codes, scales, minimums, count, blocks);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Write<TF, TI>(
        ref byte codes, ReadOnlySpan<float> scales, ReadOnlySpan<float> minimums, int count, Span<byte> blocks)
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
                TI low = TI.LoadBytes(in Unsafe.Add(ref codes, e * TF.Count));
                TI high = TI.LoadBytes(in Unsafe.Add(ref codes, (e + Half) * TF.Count));
                packed |= ((low & TI.Broadcast(0xF)) | ((high & TI.Broadcast(0xF)) << 4)) << (8 * i);
                fifths |= ((low >>> 4) << e) | ((high >>> 4) << (e + Half));
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

using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>A format of <see cref="NonlinearLevels"/> in sub-blocks of 32.</summary>
internal interface INonlinearFormat : ICodebookFormat, IQuantizableFormat
{
    /// <summary>Writes a block.</summary>
    /// <param name="weights">The weights of the block.</param>
    /// <param name="scales">The scale that fits each sub-block best.</param>
    /// <param name="block">The block.</param>
    static abstract void Pack<TF, TI>(ReadOnlySpan<float> weights, ReadOnlySpan<float> scales, Span<byte> block)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;
}

/// <summary>Quantizes to IQ4_NL and IQ4_XS; each lane searches the scale of a sub-block.</summary>
/// <remarks>ggml's <c>quantize_row_iq4_nl_impl</c>.</remarks>
internal readonly struct NonlinearQuantizer<TFormat> : ILaneQuantizer
    where TFormat : struct, INonlinearFormat
{
    private const int SubBlockSize = 32;

    // Enough sub-blocks to fill the widest lanes, in whole blocks of either format.
    private const int BatchSubBlocks = 16;
    private const int BatchSize = BatchSubBlocks * SubBlockSize;

    // Number of candidate scales on either side of the one that maps the greatest weight to the first level.
    private const int Reach = 7;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize<TF, TI>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<float> padded = stackalloc float[BatchSize];
        Span<float> factors = stackalloc float[BatchSize];
        Span<float> scales = stackalloc float[BatchSubBlocks];
        int column = 0;
        for (int first = 0; first < weights.Length; first += BatchSize)
        {
            int count = Math.Min(BatchSize, weights.Length - first);
            scoped ReadOnlySpan<float> batch = weights.Slice(first, count);
            if (count < BatchSize)
            {
                padded.Clear();
                batch.CopyTo(padded);
                batch = padded;
            }
            if (importance.IsEmpty)
            {
                for (int i = 0; i < BatchSize; i += TF.Count)
                {
                    TF weight = TF.Load(in batch[i]);
                    (weight * weight).Store(ref factors[i]);
                }
            }
            else
            {
                factors.Clear();
                for (int i = 0; i < count; i += TFormat.BlockSize)
                {
                    Weigh<TF, TI>(batch.Slice(i, TFormat.BlockSize), importance.Slice(column, TFormat.BlockSize), factors[i..]);
                    column = column + TFormat.BlockSize == rowLength ? 0 : column + TFormat.BlockSize;
                }
            }
            for (int s = 0; s < BatchSubBlocks; s += TF.Count)
                Search<TF, TI>(in batch[s * SubBlockSize], in factors[s * SubBlockSize]).Store(ref scales[s]);
            for (int i = 0; i < count; i += TFormat.BlockSize)
            {
                TFormat.Pack<TF, TI>(
                    batch.Slice(i, TFormat.BlockSize),
                    scales.Slice(i / SubBlockSize, TFormat.BlockSize / SubBlockSize),
                    blocks.Slice((first + i) / TFormat.BlockSize * TFormat.BlockBytes, TFormat.BlockBytes));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Weigh<TF, TI>(ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, Span<float> factors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        float sum = 0;
        foreach (float weight in weights)
            sum += weight * weight;
        TF variance = TF.Broadcast(sum * (2f / TFormat.BlockSize));
        for (int i = 0; i < weights.Length; i += TF.Count)
        {
            TF weight = TF.Load(in weights[i]);
            (TF.Load(in importance[i]) * TF.Sqrt(variance + (weight * weight))).Store(ref factors[i]);
        }
    }

    /// <summary>The scale of each of several consecutive sub-blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static TF Search<TF, TI>(ref readonly float weights, ref readonly float factors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<float> buffer = stackalloc float[2 * SubBlockSize * TF.Count];
        ref float columns = ref buffer[0];
        ref float factorColumns = ref buffer[SubBlockSize * TF.Count];
        Transposition.Run(in weights, TF.Count, SubBlockSize, ref columns);
        Transposition.Run(in factors, TF.Count, SubBlockSize, ref factorColumns);

        TF zero = TF.Broadcast(0);
        TF magnitude = zero;
        TF greatest = zero;
        for (int i = 0; i < SubBlockSize; i++)
        {
            TF weight = TF.Load(in Unsafe.Add(ref columns, i * TF.Count));
            TI greater = TF.GreaterThan(TF.Abs(weight), magnitude);
            magnitude = TF.Select(greater, TF.Abs(weight), magnitude);
            greatest = TF.Select(greater, weight, greatest);
        }

        float firstLevel = NonlinearLevels.Values[0];
        TF inverse = TF.Broadcast(1) / (-greatest / TF.Broadcast(firstLevel));
        (TF products, TF squares) = Sum<TF, TI>(ref columns, ref factorColumns, inverse);
        TF scale = TF.Select(TF.GreaterThan(squares, zero), products / squares, zero);
        TF best = scale * products;
        for (int step = -Reach; step <= Reach; step++)
        {
            inverse = TF.Broadcast(step + firstLevel) / greatest;
            (products, squares) = Sum<TF, TI>(ref columns, ref factorColumns, inverse);
            TI better = TF.GreaterThan(squares, zero) & TF.GreaterThan(products * products, best * squares);
            scale = TF.Select(better, products / squares, scale);
            best = TF.Select(better, scale * products, best);
        }
        return TF.Select(TF.GreaterThan(TF.Broadcast(SuperBlock.Negligible), magnitude), zero, scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TF Products, TF Squares) Sum<TF, TI>(ref float columns, ref float factors, TF inverse)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF products = TF.Broadcast(0);
        TF squares = TF.Broadcast(0);
        for (int i = 0; i < SubBlockSize; i++)
        {
            TF weight = TF.Load(in Unsafe.Add(ref columns, i * TF.Count));
            TF level = NonlinearLevels.Level<TF, TI>(inverse * weight);
            TF weighted = TF.Load(in Unsafe.Add(ref factors, i * TF.Count)) * level;
            products += weighted * weight;
            squares += weighted * level;
        }
        return (products, squares);
    }
}

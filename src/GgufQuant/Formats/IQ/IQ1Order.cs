using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Sorts the weights of sub-blocks, one row per weight, one lane per sub-block.</summary>
/// <remarks>
/// <para>
/// ggml sorts by weight alone, and equal ones keep their order. A comparator network (Batcher's odd-even merge sort) sorts all
/// lanes at once, by the bits of the weights as ordered integers, whose lowest bits are replaced by the index. Keys are thus
/// unique, and equal weights stay in order.
/// </para>
/// <para>
/// Weights that differ only in the bits replaced can come out of order. They are close together, so an insertion sort, which
/// keeps the order of equals, is quick to move them. It is rare, and never happens to weights that were 16-bit floats.
/// </para>
/// </remarks>
internal static class IQ1Order<TF, TI, TSums>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
    where TSums : struct, IIQ1Sums
{
    private static readonly byte[] s_comparators16 = Comparators(16);
    private static readonly byte[] s_comparators32 = Comparators(32);

    /// <summary>Sorts ascending.</summary>
    /// <param name="weights">The weights, sub-block after sub-block.</param>
    /// <param name="factors">Their importance.</param>
    /// <param name="scratch">Holds a row for each weight; receives the order, and the weights and their importance by rank.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Sort(ReadOnlySpan<float> weights, ReadOnlySpan<float> factors, ref IQ1Scratch<TSums> scratch)
    {
        int size = TSums.Size;
        Span<int> order = scratch.Order.AsIntegers();
        Span<float> sortedWeights = scratch.SortedWeights.AsSpan();
        Span<float> sortedFactors = scratch.SortedFactors.AsSpan();
        MakeKeys(size, in scratch.Weights.AsSpan()[0], ref order[0]);
        RunNetwork(size == 16 ? s_comparators16 : s_comparators32, ref order[0]);
        TI indexBits = TI.Broadcast(size - 1);
        for (int rank = 0; rank < size; rank++)
        {
            ref int row = ref order[rank * TF.Count];
            (TI.Load(in row) & indexBits).Store(ref row);
        }
        ref float laneOrder = ref scratch.LaneOrder.AsSpan()[0];
        if (TF.Count > 1)
            Transposition.Run(in Unsafe.As<int, float>(ref order[0]), size, TF.Count, ref laneOrder);
        else
            scratch.Order.AsSpan()[..size].CopyTo(scratch.LaneOrder.AsSpan());
        ref float laneSorted = ref scratch.LaneSorted.AsSpan()[0];
        Gather(in weights[0], in Unsafe.As<float, int>(ref laneOrder), ref laneSorted);
        Transposition.Run(in laneSorted, TF.Count, size, ref sortedWeights[0]);
        Gather(in factors[0], in Unsafe.As<float, int>(ref laneOrder), ref laneSorted);
        Transposition.Run(in laneSorted, TF.Count, size, ref sortedFactors[0]);
        uint misordered = Misordered(size, in sortedWeights[0]);
        for (int lane = 0; misordered != 0; lane++, misordered >>= 1)
        {
            if ((misordered & 1) != 0)
                Mend(size, order[lane..], sortedWeights[lane..], sortedFactors[lane..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MakeKeys(int size, ref readonly float weights, ref int keys)
    {
        TI indexBits = TI.Broadcast(size - 1);
        for (int i = 0; i < size; i++)
        {
            // Adding zero makes zeros of both signs equal.
            TI bits = TF.ToBits(BlockLanes<TF, TI>.At(in weights, i * TF.Count) + TF.Broadcast(0));
            TI ordered = bits ^ ((bits >> 31) & TI.Broadcast(int.MaxValue));
            ((ordered & ~indexBits) | TI.Broadcast(i)).Store(ref Unsafe.Add(ref keys, i * TF.Count));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunNetwork(byte[] comparators, ref int keys)
    {
        for (int c = 0; c < comparators.Length - 1; c += 2)
        {
            ref int first = ref Unsafe.Add(ref keys, comparators[c] * TF.Count);
            ref int second = ref Unsafe.Add(ref keys, comparators[c + 1] * TF.Count);
            TI a = TI.Load(in first);
            TI b = TI.Load(in second);
            TI.Min(a, b).Store(ref first);
            TI.Max(a, b).Store(ref second);
        }
    }

    // Takes the numbers of every sub-block in its order.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gather(ref readonly float numbers, ref readonly int order, ref float sorted)
    {
        for (int first = 0; first < TSums.Size * TF.Count; first += TSums.Size)
        {
            ref float table = ref Unsafe.Add(ref Unsafe.AsRef(in numbers), first);
            for (int at = first; at < first + TSums.Size; at += TF.Count)
            {
                TI index = TI.Load(in Unsafe.Add(ref Unsafe.AsRef(in order), at));
                TF found = TF.Lookup16(in table, index);
                if (TSums.Size > 16)
                {
                    TF beyond = TF.Lookup16(in Unsafe.Add(ref table, 16), index);
                    found = TF.Select(TI.GreaterThan(index, TI.Broadcast(15)), beyond, found);
                }
                found.Store(ref Unsafe.Add(ref sorted, at));
            }
        }
    }

    // The lanes that are not ascending, as bits.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Misordered(int size, ref readonly float sorted)
    {
        TI isMisordered = TI.Broadcast(0);
        TF last = TF.Load(in sorted);
        for (int rank = 1; rank < size; rank++)
        {
            TF next = BlockLanes<TF, TI>.At(in sorted, rank * TF.Count);
            isMisordered |= TF.GreaterThan(last, next);
            last = next;
        }
        return TI.MaskBits(isMisordered);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Mend(int size, Span<int> order, Span<float> weights, Span<float> factors)
    {
        for (int rank = 1; rank < size; rank++)
        {
            for (int at = rank * TF.Count; at > 0 && weights[at - TF.Count] > weights[at]; at -= TF.Count)
            {
                int below = at - TF.Count;
                (order[below], order[at]) = (order[at], order[below]);
                (weights[below], weights[at]) = (weights[at], weights[below]);
                (factors[below], factors[at]) = (factors[at], factors[below]);
            }
        }
    }

    // Pairs of ranks.
    private static byte[] Comparators(int size)
    {
        List<byte> comparators = [];
        for (int merged = 1; merged < size; merged *= 2)
        {
            for (int distance = merged; distance >= 1; distance /= 2)
            {
                for (int first = distance % merged; first + distance < size; first += 2 * distance)
                {
                    for (int i = first; i < first + distance && i + distance < size; i++)
                    {
                        if (i / (2 * merged) == (i + distance) / (2 * merged))
                        {
                            comparators.Add((byte)i);
                            comparators.Add((byte)(i + distance));
                        }
                    }
                }
            }
        }
        return [.. comparators];
    }
}

using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>ggml's <c>make_qx_quants</c>: the best of nineteen candidate scales for signed weights.</summary>
/// <remarks>Each lane is a sub-block, or a super-block whose scales are the weights.</remarks>
internal static class ScaleOnlySearch<TF, TI, TRounding>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
    where TRounding : struct, IRounding
{
    // Up to this step, the greatest weight's level rounds to the range's end, not below it.
    private const int LastWithinRange = 4;

    /// <summary>Finds the scale of each lane.</summary>
    /// <param name="weights">The weights, <c>[element][lane]</c>.</param>
    /// <param name="factors">The importance of each weight's error, in the same layout.</param>
    /// <param name="count">Weights per lane.</param>
    /// <param name="range">Levels range from minus this to this minus one.</param>
    /// <param name="products">Scratch of the same size.</param>
    /// <param name="bestInverse">Receives the factor that gave the scale its levels.</param>
    /// <param name="negligible">Receives the lanes that count as zero: their scale is zero.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static TF Run(
        ref float weights, ref float factors, int count, int range, ref float products, out TF bestInverse, out TI negligible)
    {
        TF zero = TF.Broadcast(0);
        TF extreme = ScaleOnlyLanes<TF, TI>.Extreme(ref weights, count, out negligible);

        TF lowest = TRounding.Bound<TF, TI>(-range);
        TF highest = TRounding.Bound<TF, TI>(range - 1);

        TF found = TF.Broadcast(-range) / extreme;
        TF sum = zero;
        TF squares = zero;
        for (int e = 0; e < count; e++)
        {
            TF weight = ScaleOnlyLanes<TF, TI>.At(ref weights, e);
            TF factor = ScaleOnlyLanes<TF, TI>.At(ref factors, e);
            TF product = factor * weight;
            product.Store(ref Unsafe.Add(ref products, e * TF.Count));
            TF level = TRounding.Level<TF, TI>(found * weight, lowest, highest);
            sum += product * level;
            squares += factor * level * level;
        }
        TF scale = TF.Select(TF.Equal(squares, zero), zero, sum / squares);
        TF best = scale * sum;
        // Three at a time, so that each weight is loaded once for all three; judged one after the other, as ggml does.
        for (int first = -9; first <= 7; first += first == -3 ? 4 : 3)
        {
            TF inverse0 = Inverse(range, first, extreme);
            TF inverse1 = Inverse(range, first + 1, extreme);
            TF inverse2 = Inverse(range, first + 2, extreme);
            Sums sums = first + 2 <= LastWithinRange
                ? Add(ref weights, ref factors, ref products, count, range, inverse0, inverse1, inverse2, clampsBelow: false)
                : Add(ref weights, ref factors, ref products, count, range, inverse0, inverse1, inverse2, clampsBelow: true);
            Judge(inverse0, sums.Sum0, sums.Squares0, ref scale, ref best, ref found);
            Judge(inverse1, sums.Sum1, sums.Squares1, ref scale, ref best, ref found);
            Judge(inverse2, sums.Sum2, sums.Squares2, ref scale, ref best, ref found);
        }
        bestInverse = found;
        return TF.Select(negligible, zero, scale);
    }

    /// <summary>The levels that a search has found, with <paramref name="range"/> added.</summary>
    /// <param name="weights">The weights, <c>[element][lane]</c>.</param>
    /// <param name="count">Weights per lane.</param>
    /// <param name="range">Levels range from minus this to this minus one.</param>
    /// <param name="bestInverse">The factor that the search found.</param>
    /// <param name="negligible">The lanes that it took for zero; all their levels are the lowest.</param>
    /// <param name="levels">Receives the levels in the layout of the weights.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StoreLevels(ref float weights, int count, int range, TF bestInverse, TI negligible, ref byte levels)
    {
        for (int e = 0; e < count; e++)
        {
            TI level = ScaleOnlyLanes<TF, TI>.Level(bestInverse * ScaleOnlyLanes<TF, TI>.At(ref weights, e), range);
            ((level + TI.Broadcast(range)) & ~negligible).StoreBytes(ref Unsafe.Add(ref levels, e * TF.Count));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Inverse(int range, int step, TF extreme) => TF.Broadcast(-(range + (0.1f * step))) / extreme;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Sums Add(
        ref float weights, ref float factors, ref float products, int count, int range,
        TF inverse0, TF inverse1, TF inverse2, bool clampsBelow)
    {
        TF lowest = TRounding.Bound<TF, TI>(-range);
        TF highest = TRounding.Bound<TF, TI>(range - 1);
        TF sum0 = TF.Broadcast(0);
        TF sum1 = sum0;
        TF sum2 = sum0;
        TF squares0 = sum0;
        TF squares1 = sum0;
        TF squares2 = sum0;
        for (int e = 0; e < count; e++)
        {
            TF weight = ScaleOnlyLanes<TF, TI>.At(ref weights, e);
            TF factor = ScaleOnlyLanes<TF, TI>.At(ref factors, e);
            TF product = ScaleOnlyLanes<TF, TI>.At(ref products, e);
            // One scale after the other: there are just enough registers where they are sixteen.
            TF level = Level(inverse0 * weight, lowest, highest, clampsBelow);
            sum0 += product * level;
            squares0 += factor * level * level;
            level = Level(inverse1 * weight, lowest, highest, clampsBelow);
            sum1 += product * level;
            squares1 += factor * level * level;
            level = Level(inverse2 * weight, lowest, highest, clampsBelow);
            sum2 += product * level;
            squares2 += factor * level * level;
        }
        return new(sum0, sum1, sum2, squares0, squares1, squares2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Level(TF value, TF lowest, TF highest, bool clampsBelow) => clampsBelow
        ? TRounding.Level<TF, TI>(value, lowest, highest)
        : TRounding.LevelAtMost<TF, TI>(value, highest);

    // Without a branch: in some of the lanes nearly every step is better than the ones before.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Judge(TF inverse, TF sum, TF squares, ref TF scale, ref TF best, ref TF bestInverse)
    {
        TF quotient = sum / squares;
        TI better = TF.GreaterThan(squares, TF.Broadcast(0)) & TF.GreaterThan(sum * sum, best * squares);
        scale = TF.Select(better, quotient, scale);
        best = TF.Select(better, quotient * sum, best);
        bestInverse = TF.Select(better, inverse, bestInverse);
    }

    private readonly record struct Sums(TF Sum0, TF Sum1, TF Sum2, TF Squares0, TF Squares1, TF Squares2);
}

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
    /// <summary>Finds the scale of each lane.</summary>
    /// <param name="weights">The weights, <c>[element][lane]</c>.</param>
    /// <param name="factors">The importance of each weight's error, in the same layout.</param>
    /// <param name="count">Weights per lane.</param>
    /// <param name="range">Levels range from minus this to this minus one.</param>
    /// <param name="products">Scratch of the same size.</param>
    /// <param name="levels">Receives the levels with <paramref name="range"/> added, in the same layout.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static TF Run(ref float weights, ref float factors, int count, int range, ref float products, ref byte levels)
    {
        TF zero = TF.Broadcast(0);
        TF extreme = ScaleOnlyLanes<TF, TI>.Extreme(ref weights, count, out TI negligible);
        for (int e = 0; e < count; e++)
        {
            TF product = ScaleOnlyLanes<TF, TI>.At(ref factors, e) * ScaleOnlyLanes<TF, TI>.At(ref weights, e);
            product.Store(ref Unsafe.Add(ref products, e * TF.Count));
        }

        TF bestInverse = TF.Broadcast(-range) / extreme;
        TF sum = zero;
        TF squares = zero;
        for (int e = 0; e < count; e++)
        {
            TF level = TRounding.Level<TF, TI>(bestInverse * ScaleOnlyLanes<TF, TI>.At(ref weights, e), -range, range - 1);
            sum += ScaleOnlyLanes<TF, TI>.At(ref products, e) * level;
            squares += ScaleOnlyLanes<TF, TI>.At(ref factors, e) * level * level;
        }
        TF scale = TF.Select(TF.Equal(squares, zero), zero, sum / squares);
        TF best = scale * sum;
        // Three at a time, so that each weight is loaded once for all three; judged one after the other, as ggml does.
        for (int first = -9; first <= 7; first += first == -3 ? 4 : 3)
        {
            TF inverse0 = Inverse(range, first, extreme);
            TF inverse1 = Inverse(range, first + 1, extreme);
            TF inverse2 = Inverse(range, first + 2, extreme);
            TF sum0 = zero, sum1 = zero, sum2 = zero;
            TF squares0 = zero, squares1 = zero, squares2 = zero;
            for (int e = 0; e < count; e++)
            {
                TF weight = ScaleOnlyLanes<TF, TI>.At(ref weights, e);
                TF factor = ScaleOnlyLanes<TF, TI>.At(ref factors, e);
                TF product = ScaleOnlyLanes<TF, TI>.At(ref products, e);
                TF level0 = TRounding.Level<TF, TI>(inverse0 * weight, -range, range - 1);
                TF level1 = TRounding.Level<TF, TI>(inverse1 * weight, -range, range - 1);
                TF level2 = TRounding.Level<TF, TI>(inverse2 * weight, -range, range - 1);
                sum0 += product * level0;
                sum1 += product * level1;
                sum2 += product * level2;
                squares0 += factor * level0 * level0;
                squares1 += factor * level1 * level1;
                squares2 += factor * level2 * level2;
            }
            Judge(inverse0, sum0, squares0, ref scale, ref best, ref bestInverse);
            Judge(inverse1, sum1, squares1, ref scale, ref best, ref bestInverse);
            Judge(inverse2, sum2, squares2, ref scale, ref best, ref bestInverse);
        }
        for (int e = 0; e < count; e++)
        {
            TI level = ScaleOnlyLanes<TF, TI>.Level(bestInverse * ScaleOnlyLanes<TF, TI>.At(ref weights, e), range);
            ((level + TI.Broadcast(range)) & ~negligible).StoreBytes(ref Unsafe.Add(ref levels, e * TF.Count));
        }
        return TF.Select(negligible, zero, scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Inverse(int range, int step, TF extreme) => TF.Broadcast(-(range + (0.1f * step))) / extreme;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Judge(TF inverse, TF sum, TF squares, ref TF scale, ref TF best, ref TF bestInverse)
    {
        TI better = TF.GreaterThan(squares, TF.Broadcast(0)) & TF.GreaterThan(sum * sum, best * squares);
        if (!TI.Any(better))
            return;
        scale = TF.Select(better, sum / squares, scale);
        best = TF.Select(better, scale * sum, best);
        bestInverse = TF.Select(better, inverse, bestInverse);
    }
}

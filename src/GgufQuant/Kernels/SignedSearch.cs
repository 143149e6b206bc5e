using System.Runtime.CompilerServices;

namespace GgufQuant.Kernels;

/// <summary>ggml's <c>make_qx_quants</c>: the scale that fits weights of either sign best, of nineteen tried.</summary>
/// <remarks>A lane is a sub-block, or a super-block whose scales are the weights.</remarks>
internal static class SignedSearch<TF, TI, TRounding>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
    where TRounding : struct, IRounding
{
    /// <summary>Finds the scale of each lane.</summary>
    /// <param name="weights">The weights, <c>[element][lane]</c>.</param>
    /// <param name="factors">The importance of each weight's error, laid out the same.</param>
    /// <param name="count">Weights a lane.</param>
    /// <param name="range">Levels reach from minus this to one less than this.</param>
    /// <param name="products">Scratch of the same size.</param>
    /// <param name="levels">Takes the levels with <paramref name="range"/> added, laid out the same.</param>
    public static TF Run(ref float weights, ref float factors, int count, int range, ref float products, ref byte levels)
    {
        TF zero = TF.Broadcast(0);
        TF extreme = SignedLanes<TF, TI>.Extreme(ref weights, count, out TI negligible);
        for (int e = 0; e < count; e++)
        {
            TF product = SignedLanes<TF, TI>.At(ref factors, e) * SignedLanes<TF, TI>.At(ref weights, e);
            product.Store(ref Unsafe.Add(ref products, e * TF.Count));
        }

        TF bestInverse = TF.Broadcast(-range) / extreme;
        (TF sum, TF squares) = Sums(ref weights, ref factors, ref products, count, range, bestInverse);
        TF scale = TF.Select(TF.Equal(squares, zero), zero, sum / squares);
        TF best = scale * sum;
        for (int step = -9; step <= 9; step++)
        {
            if (step == 0)
                continue;
            TF inverse = TF.Broadcast(-(range + (0.1f * step))) / extreme;
            (sum, squares) = Sums(ref weights, ref factors, ref products, count, range, inverse);
            TI better = TF.GreaterThan(squares, zero) & TF.GreaterThan(sum * sum, best * squares);
            if (!TI.Any(better))
                continue;
            scale = TF.Select(better, sum / squares, scale);
            best = TF.Select(better, scale * sum, best);
            bestInverse = TF.Select(better, inverse, bestInverse);
        }
        for (int e = 0; e < count; e++)
        {
            TI level = SignedLanes<TF, TI>.Level(bestInverse * SignedLanes<TF, TI>.At(ref weights, e), range);
            ((level + TI.Broadcast(range)) & ~negligible).StoreBytes(ref Unsafe.Add(ref levels, e * TF.Count));
        }
        return TF.Select(negligible, zero, scale);
    }

    private static (TF Sum, TF Squares) Sums(
        ref float weights, ref float factors, ref float products, int count, int range, TF inverse)
    {
        TF sum = TF.Broadcast(0);
        TF squares = sum;
        for (int e = 0; e < count; e++)
        {
            TF level = TRounding.Level<TF, TI>(inverse * SignedLanes<TF, TI>.At(ref weights, e), -range, range - 1);
            sum += SignedLanes<TF, TI>.At(ref products, e) * level;
            squares += SignedLanes<TF, TI>.At(ref factors, e) * level * level;
        }
        return (sum, squares);
    }
}

using System.Runtime.CompilerServices;

namespace GgufQuant.Kernels;

/// <summary>ggml's <c>make_q3_quants</c>: levels improved one at a time, each weight counting by its square.</summary>
internal static class SignedDescent<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    private const int MaxPasses = 5;

    /// <summary>Finds the scale of each lane.</summary>
    /// <param name="weights">Sixteen weights a lane, <c>[element][lane]</c>.</param>
    /// <param name="range">Levels reach from minus this to one less than this.</param>
    /// <param name="factors">Scratch of the same size.</param>
    /// <param name="products">Scratch of the same size.</param>
    /// <param name="rounded">Scratch of the same size.</param>
    /// <param name="levels">Takes the levels with <paramref name="range"/> added, laid out the same.</param>
    public static TF Run(
        ref float weights, int range, ref float factors, ref float products, ref float rounded, ref byte levels)
    {
        TF zero = TF.Broadcast(0);
        TF extreme = SignedLanes<TF, TI>.Extreme(ref weights, SignedLanes<TF, TI>.Elements, out TI negligible);
        TF inverse = TF.Broadcast(-range) / extreme;
        TF sum = zero;
        TF squares = zero;
        for (int e = 0; e < SignedLanes<TF, TI>.Elements; e++)
        {
            int at = e * TF.Count;
            TF weight = SignedLanes<TF, TI>.At(ref weights, e);
            TF level = TI.ToFloat(SignedLanes<TF, TI>.Level(inverse * weight, range));
            TF factor = weight * weight;
            TF product = factor * weight;
            level.Store(ref Unsafe.Add(ref rounded, at));
            factor.Store(ref Unsafe.Add(ref factors, at));
            product.Store(ref Unsafe.Add(ref products, at));
            sum += product * level;
            squares += factor * level * level;
        }
        // A lane that changes nothing in one pass changes nothing in the next, so all may go on until none does.
        for (int pass = 0; pass < MaxPasses; pass++)
        {
            TI changed = negligible & ~negligible;
            for (int e = 0; e < SignedLanes<TF, TI>.Elements; e++)
            {
                TF weight = SignedLanes<TF, TI>.At(ref weights, e);
                TF factor = SignedLanes<TF, TI>.At(ref factors, e);
                TF product = SignedLanes<TF, TI>.At(ref products, e);
                TF old = SignedLanes<TF, TI>.At(ref rounded, e);
                TF otherSum = sum - (product * old);
                TF otherSquares = squares - (factor * old * old);
                TF level = TI.ToFloat(SignedLanes<TF, TI>.Level(weight * otherSquares / otherSum, range));
                TF newSum = otherSum + (product * level);
                TF newSquares = otherSquares + (factor * level * level);
                TI better = TF.GreaterThan(otherSum, zero) & ~TF.Equal(level, old) & ~negligible & TF.GreaterThan(newSquares, zero)
                    & TF.GreaterThan(newSum * newSum * squares, sum * sum * newSquares);
                TF.Select(better, level, old).Store(ref Unsafe.Add(ref rounded, e * TF.Count));
                sum = TF.Select(better, newSum, sum);
                squares = TF.Select(better, newSquares, squares);
                changed |= better;
            }
            if (!TI.Any(changed))
                break;
        }
        for (int e = 0; e < SignedLanes<TF, TI>.Elements; e++)
        {
            TI level = TF.Truncate(SignedLanes<TF, TI>.At(ref rounded, e));
            ((level + TI.Broadcast(range)) & ~negligible).StoreBytes(ref Unsafe.Add(ref levels, e * TF.Count));
        }
        return TF.Select(TF.GreaterThan(squares, zero) & ~negligible, sum / squares, zero);
    }
}

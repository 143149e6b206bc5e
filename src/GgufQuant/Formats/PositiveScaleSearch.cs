using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>ggml's <c>make_qp_quants</c>: fits one factor, and a byte per sub-block, to the scales (or minimums) of a super-block.</summary>
/// <remarks>Each lane is a super-block. If a scale is negative the bytes wrap as ggml's <c>uint8_t</c> does.</remarks>
internal static class PositiveScaleSearch<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    private const int MaxPasses = 5;

    /// <summary>Fits one super-block per lane.</summary>
    /// <param name="scales">The scales, <c>[sub-block][lane]</c>.</param>
    /// <param name="factors">The importance of each scale, in the same layout.</param>
    /// <param name="count">Sub-blocks per super-block.</param>
    /// <param name="max">The greatest number that can be stored.</param>
    /// <param name="levels">Receives the numbers to store, in the same layout.</param>
    /// <returns>The factor.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static TF Run(ref float scales, ref float factors, int count, int max, ref int levels)
    {
        TF zero = TF.Broadcast(0);
        TF greatest = zero;
        for (int j = 0; j < count; j++)
            greatest = TF.Max(greatest, Lane(ref scales, j));
        TI negligible = TF.GreaterThan(TF.Broadcast(SuperBlock.Negligible), greatest);

        TF inverse = TF.Broadcast(max) / greatest;
        TF best = zero;
        TF factor = TF.Broadcast(1) / inverse;
        for (int j = 0; j < count; j++)
        {
            TF scale = Lane(ref scales, j);
            TI level = TF.NearestInt(inverse * scale) & TI.Broadcast(byte.MaxValue);
            best += SquaredError(scale, factor, level, Lane(ref factors, j));
        }
        for (int step = -4; step <= 4; step++)
        {
            if (step == 0)
                continue;
            TF candidate = TF.Broadcast((0.1f * step) + max) / greatest;
            factor = TF.Broadcast(1) / candidate;
            TF error = zero;
            for (int j = 0; j < count; j++)
            {
                TF scale = Lane(ref scales, j);
                TI level = TI.Min(TI.Broadcast(max), TF.NearestInt(candidate * scale));
                error += SquaredError(scale, factor, level, Lane(ref factors, j));
            }
            TI better = TF.GreaterThan(best, error);
            best = TF.Select(better, error, best);
            inverse = TF.Select(better, candidate, inverse);
        }

        TF products = zero;
        TF squares = zero;
        for (int j = 0; j < count; j++)
        {
            TF scale = Lane(ref scales, j);
            TI level = TI.Min(TI.Broadcast(max), TF.NearestInt(inverse * scale));
            (level & TI.Broadcast(byte.MaxValue) & ~negligible).Store(ref Unsafe.Add(ref levels, j * TF.Count));
            TF rounded = TI.ToFloat(level);
            TF weight = Lane(ref factors, j);
            products += weight * scale * rounded;
            squares += weight * rounded * rounded;
        }
        // A lane that changes nothing in one pass changes nothing in the next, so all continue until none changes.
        for (int pass = 0; pass < MaxPasses && Refine(ref scales, ref factors, count, max, ref levels, negligible, ref products, ref squares); pass++)
        {
        }
        TF result = TF.Select(TF.GreaterThan(squares, zero), products / squares, zero);
        return TF.Select(negligible, zero, result);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Refine(
        ref float scales, ref float factors, int count, int max, ref int levels, TI negligible, ref TF products, ref TF squares)
    {
        TF zero = TF.Broadcast(0);
        TI changed = TI.Broadcast(0);
        TF allProducts = products;
        TF allSquares = squares;
        for (int j = 0; j < count; j++)
        {
            TF scale = Lane(ref scales, j);
            TF weight = Lane(ref factors, j);
            TI old = TI.Load(in Unsafe.Add(ref levels, j * TF.Count));
            TF oldLevel = TI.ToFloat(old);
            TF otherProducts = allProducts - (weight * scale * oldLevel);
            TF otherSquares = allSquares - (weight * oldLevel * oldLevel);
            TI level = TI.Min(TI.Broadcast(max), TF.NearestInt(scale * otherSquares / otherProducts));
            TF newLevel = TI.ToFloat(level);
            TF newProducts = otherProducts + (weight * scale * newLevel);
            TF newSquares = otherSquares + (weight * newLevel * newLevel);
            TI better = TF.GreaterThan(otherProducts, zero) & TF.GreaterThan(otherSquares, zero)
                & ~TI.Equal(level, old) & ~negligible
                & TF.GreaterThan(newProducts * newProducts * allSquares, allProducts * allProducts * newSquares);
            TI.Select(better, level & TI.Broadcast(byte.MaxValue), old).Store(ref Unsafe.Add(ref levels, j * TF.Count));
            allProducts = TF.Select(better, newProducts, allProducts);
            allSquares = TF.Select(better, newSquares, allSquares);
            changed |= better;
        }
        products = allProducts;
        squares = allSquares;
        return TI.Any(changed);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF SquaredError(TF scale, TF factor, TI level, TF weight)
    {
        TF difference = scale - (factor * TI.ToFloat(level));
        return weight * difference * difference;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Lane(ref float rows, int element) => TF.Load(in Unsafe.Add(ref rows, element * TF.Count));
}

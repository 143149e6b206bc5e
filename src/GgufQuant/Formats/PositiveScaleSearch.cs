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
        Start(ref scales, ref factors, count, max, ref levels, out State state);
        // A lane that changes nothing in one pass changes nothing in the next, so all continue until none changes.
        for (int pass = 0; pass < MaxPasses && Refine(ref scales, ref factors, count, max, ref levels, ref state); pass++)
        {
        }
        return state.Factor;
    }

    /// <summary>Fits two super-blocks per lane, in turns, since each step waits for the one before it.</summary>
    /// <param name="scales">The scales, <c>[super-block of a lane][sub-block][lane]</c>.</param>
    /// <param name="factors">The importance of each scale, in the same layout.</param>
    /// <param name="count">Sub-blocks per super-block.</param>
    /// <param name="max">The greatest number that can be stored.</param>
    /// <param name="levels">Receives the numbers to store, in the same layout.</param>
    /// <param name="second">Receives the factor of the second super-block of each lane.</param>
    /// <returns>The factor of the first.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static TF RunTwo(ref float scales, ref float factors, int count, int max, ref int levels, out TF second)
    {
        int size = count * TF.Count;
        Start(ref scales, ref factors, count, max, ref levels, out State state);
        Start(ref Unsafe.Add(ref scales, size), ref Unsafe.Add(ref factors, size), count, max, ref Unsafe.Add(ref levels, size), out State next);
        for (int pass = 0; pass < MaxPasses && RefineTwo(ref scales, ref factors, count, max, ref levels, ref state, ref next); pass++)
        {
        }
        second = next.Factor;
        return state.Factor;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Start(ref float scales, ref float factors, int count, int max, ref int levels, out State state)
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
        state = new State { Negligible = negligible, Products = products, Squares = squares };
    }

    // Returns whether a level changed.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Refine(ref float scales, ref float factors, int count, int max, ref int levels, ref State state)
    {
        TI changed = TI.Broadcast(0);
        TF products = state.Products;
        TF squares = state.Squares;
        TI negligible = state.Negligible;
        for (int j = 0; j < count; j++)
            Refine(ref scales, ref factors, j, max, ref levels, negligible, ref products, ref squares, ref changed);
        state.Products = products;
        state.Squares = squares;
        return TI.Any(changed);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool RefineTwo(
        ref float scales, ref float factors, int count, int max, ref int levels, ref State state, ref State next)
    {
        TI changed = TI.Broadcast(0);
        TF products = state.Products;
        TF squares = state.Squares;
        TI negligible = state.Negligible;
        TF nextProducts = next.Products;
        TF nextSquares = next.Squares;
        TI nextNegligible = next.Negligible;
        for (int j = 0; j < count; j++)
        {
            Refine(ref scales, ref factors, j, max, ref levels, negligible, ref products, ref squares, ref changed);
            Refine(ref scales, ref factors, count + j, max, ref levels, nextNegligible, ref nextProducts, ref nextSquares, ref changed);
        }
        state.Products = products;
        state.Squares = squares;
        next.Products = nextProducts;
        next.Squares = nextSquares;
        return TI.Any(changed);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Refine(
        ref float scales, ref float factors, int j, int max, ref int levels, TI negligible, ref TF products, ref TF squares, ref TI changed)
    {
        TF zero = TF.Broadcast(0);
        TF scale = Lane(ref scales, j);
        TF weight = Lane(ref factors, j);
        TI old = TI.Load(in Unsafe.Add(ref levels, j * TF.Count));
        TF oldLevel = TI.ToFloat(old);
        TF otherProducts = products - (weight * scale * oldLevel);
        TF otherSquares = squares - (weight * oldLevel * oldLevel);
        TI level = TI.Min(TI.Broadcast(max), TF.NearestInt(scale * otherSquares / otherProducts));
        TF newLevel = TI.ToFloat(level);
        TF newProducts = otherProducts + (weight * scale * newLevel);
        TF newSquares = otherSquares + (weight * newLevel * newLevel);
        TI better = TF.GreaterThan(otherProducts, zero) & TF.GreaterThan(otherSquares, zero)
            & ~TI.Equal(level, old) & ~negligible
            & TF.GreaterThan(newProducts * newProducts * squares, products * products * newSquares);
        TI.Select(better, level & TI.Broadcast(byte.MaxValue), old).Store(ref Unsafe.Add(ref levels, j * TF.Count));
        products = TF.Select(better, newProducts, products);
        squares = TF.Select(better, newSquares, squares);
        changed |= better;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF SquaredError(TF scale, TF factor, TI level, TF weight)
    {
        TF difference = scale - (factor * TI.ToFloat(level));
        return weight * difference * difference;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Lane(ref float rows, int element) => TF.Load(in Unsafe.Add(ref rows, element * TF.Count));

    private struct State
    {
        // A mask of the lanes whose scales are all so small that they count as zero.
        public TI Negligible;

        // Σ factor · scale · level.
        public TF Products;

        // Σ factor · level².
        public TF Squares;

        public readonly TF Factor
        {
            get
            {
                TF zero = TF.Broadcast(0);
                TF result = TF.Select(TF.GreaterThan(Squares, zero), Products / Squares, zero);
                return TF.Select(Negligible, zero, result);
            }
        }
    }
}

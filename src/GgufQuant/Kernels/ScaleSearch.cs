using System.Runtime.CompilerServices;

namespace GgufQuant.Kernels;

/// <summary>What a search found for each lane's block.</summary>
/// <param name="Scale">The scale.</param>
/// <param name="LevelScale">The levels found are <c>LevelScale · weight</c>, rounded and clamped.</param>
/// <param name="Negligible">The lanes whose block counts as zero: scale 0, every stored code 0.</param>
internal readonly record struct ScaleFit<TF, TI>(TF Scale, TF LevelScale, TI Negligible);

/// <summary>ggml's <c>make_qx_quants</c>: the scale that fits a block best, with levels on both sides of zero.</summary>
/// <remarks>The lanes are different blocks. No level leaves ±2²², so the rounding never leaves the floats.</remarks>
internal static class ScaleSearch<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    private const int Reach = 9;
    private const float Magic = 12582912f;

    /// <summary>Fits one block a lane.</summary>
    /// <param name="weights">The weights, <c>[element][lane]</c>.</param>
    /// <param name="factors">The importance of each weight's error, laid out the same.</param>
    /// <param name="size">Weights a block.</param>
    /// <param name="bound">The least level is minus this, the greatest one less than this.</param>
    public static ScaleFit<TF, TI> Run(ref float weights, ref float factors, int size, int bound)
    {
        TF zero = TF.Broadcast(0);
        TF magnitude = zero;
        TF greatest = zero;
        for (int e = 0; e < size; e++)
        {
            TF weight = Lane(ref weights, e);
            greatest = TF.Select(TF.GreaterThan(TF.Abs(weight), magnitude), weight, greatest);
            magnitude = TF.Max(TF.Abs(weight), magnitude);
        }
        TI negligible = TF.GreaterThan(TF.Broadcast(SuperBlock.Negligible), magnitude);
        greatest = TF.Select(negligible, TF.Broadcast(1), greatest);

        TF levelScale = TF.Broadcast(-bound) / greatest;
        (TF products, TF squares) = Fit(ref weights, ref factors, size, bound, levelScale);
        TF scale = TF.Select(TF.Equal(squares, zero), zero, products / squares);
        TF best = scale * products;
        for (int step = -Reach; step <= Reach; step++)
        {
            if (step == 0)
                continue;
            TF candidate = TF.Broadcast(-(bound + (0.1f * step))) / greatest;
            (products, squares) = Fit(ref weights, ref factors, size, bound, candidate);
            TI better = TF.GreaterThan(squares, zero) & TF.GreaterThan(products * products, best * squares);
            if (!TI.Any(better))
                continue;
            scale = TF.Select(better, products / squares, scale);
            best = TF.Select(better, scale * products, best);
            levelScale = TF.Select(better, candidate, levelScale);
        }
        return new(TF.Select(negligible, zero, scale), levelScale, negligible);
    }

    /// <summary>The level of each lane's weight, from minus <paramref name="bound"/> to one less than it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TF Level(TF weight, TF levelScale, int bound)
    {
        TF rounded = (levelScale * weight) + TF.Broadcast(Magic);
        return TF.Max(TF.Broadcast(Magic - bound), TF.Min(TF.Broadcast(Magic + bound - 1), rounded)) - TF.Broadcast(Magic);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TF Products, TF Squares) Fit(ref float weights, ref float factors, int size, int bound, TF levelScale)
    {
        TF products = TF.Broadcast(0);
        TF squares = products;
        for (int e = 0; e < size; e++)
        {
            TF weight = Lane(ref weights, e);
            TF factor = Lane(ref factors, e);
            TF level = Level(weight, levelScale, bound);
            products += factor * weight * level;
            squares += factor * level * level;
        }
        return (products, squares);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Lane(ref float rows, int element) => TF.Load(in Unsafe.Add(ref rows, element * TF.Count));
}

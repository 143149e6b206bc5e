using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Shared parts of the searches for signed levels.</summary>
internal static class ScaleOnlyLanes<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    /// <summary>Elements per lane if it is a sub-block, or a super-block of scales.</summary>
    public const int Elements = 16;

    /// <summary>One element of every lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TF At(ref float rows, int element) => TF.Load(in Unsafe.Add(ref rows, element * TF.Count));

    /// <summary>The first element with the greatest magnitude, sign included; +0 if all are zero.</summary>
    /// <param name="rows">The elements.</param>
    /// <param name="count">Elements per lane, a multiple of two.</param>
    /// <param name="negligible">The lanes that count as zero.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static TF Extreme(ref float rows, int count, out TI negligible)
    {
        // Independent runs, so that none waits for the other.
        int run = count / 2;
        TF greatest = TF.Broadcast(0);
        TF greatest1 = greatest;
        TF least = greatest;
        TF least1 = greatest;
        for (int e = 0; e < run; e++)
        {
            TF value = At(ref rows, e);
            TF value1 = At(ref rows, run + e);
            greatest = TF.Max(value, greatest);
            greatest1 = TF.Max(value1, greatest1);
            least = TF.Min(value, least);
            least1 = TF.Min(value1, least1);
        }
        greatest = TF.Max(greatest1, greatest);
        least = TF.Min(least1, least);
        TF magnitude = TF.Max(-least, greatest);
        negligible = TF.GreaterThan(TF.Broadcast(SuperBlock.Negligible), magnitude);
        TF extreme = TF.Select(TF.GreaterThan(magnitude, greatest), least, greatest);
        TI ties = TF.Equal(-least, greatest) & ~negligible;
        return TI.Any(ties) ? FirstExtreme(ref rows, count, magnitude, extreme) : extreme;
    }

    // Both signs occur in some lanes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static TF FirstExtreme(ref float rows, int count, TF magnitude, TF extreme)
    {
        for (int e = count - 1; e >= 0; e--)
        {
            TF value = At(ref rows, e);
            extreme = TF.Select(TF.Equal(TF.Abs(value), magnitude), value, extreme);
        }
        return extreme;
    }

    /// <summary>The nearest level.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TI Level(TF value, int range) =>
        TI.Max(TI.Broadcast(-range), TI.Min(TI.Broadcast(range - 1), TF.NearestInt(value)));
}

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

    /// <summary>The first element with the greatest magnitude, sign included.</summary>
    /// <param name="rows">The elements.</param>
    /// <param name="count">Elements per lane, a multiple of four.</param>
    /// <param name="negligible">The lanes that count as zero.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static TF Extreme(ref float rows, int count, out TI negligible)
    {
        // Four independent runs at a time; on a tie the earlier run wins.
        int run = count / 4;
        TF greatest = TF.Broadcast(0);
        TF extreme = greatest;
        TF greatest1 = greatest;
        TF extreme1 = greatest;
        TF greatest2 = greatest;
        TF extreme2 = greatest;
        TF greatest3 = greatest;
        TF extreme3 = greatest;
        for (int e = 0; e < run; e++)
        {
            Take(At(ref rows, e), ref greatest, ref extreme);
            Take(At(ref rows, run + e), ref greatest1, ref extreme1);
            Take(At(ref rows, (2 * run) + e), ref greatest2, ref extreme2);
            Take(At(ref rows, (3 * run) + e), ref greatest3, ref extreme3);
        }
        Take(extreme1, ref greatest, ref extreme);
        Take(extreme3, ref greatest2, ref extreme2);
        Take(extreme2, ref greatest, ref extreme);
        negligible = TF.GreaterThan(TF.Broadcast(SuperBlock.Negligible), greatest);
        return extreme;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Take(TF value, ref TF greatest, ref TF extreme)
    {
        TF magnitude = TF.Abs(value);
        TI greater = TF.GreaterThan(magnitude, greatest);
        greatest = TF.Select(greater, magnitude, greatest);
        extreme = TF.Select(greater, value, extreme);
    }

    /// <summary>The nearest level.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TI Level(TF value, int range) =>
        TI.Max(TI.Broadcast(-range), TI.Min(TI.Broadcast(range - 1), TF.NearestInt(value)));
}

using System.Runtime.CompilerServices;

namespace GgufQuant.Kernels;

/// <summary>What the searches for signed levels share.</summary>
internal static class SignedLanes<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    /// <summary>Elements a lane where it is a sub-block, or a super-block of scales.</summary>
    public const int Elements = 16;

    /// <summary>One element of every lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TF At(ref float rows, int element) => TF.Load(in Unsafe.Add(ref rows, element * TF.Count));

    /// <summary>The first element of the greatest magnitude, with its sign.</summary>
    /// <param name="rows">The elements.</param>
    /// <param name="count">Elements a lane.</param>
    /// <param name="negligible">The lanes that count as zero.</param>
    public static TF Extreme(ref float rows, int count, out TI negligible)
    {
        TF greatest = TF.Broadcast(0);
        TF extreme = greatest;
        for (int e = 0; e < count; e++)
        {
            TF value = At(ref rows, e);
            TF magnitude = TF.Abs(value);
            TI greater = TF.GreaterThan(magnitude, greatest);
            greatest = TF.Select(greater, magnitude, greatest);
            extreme = TF.Select(greater, value, extreme);
        }
        negligible = TF.GreaterThan(TF.Broadcast(SuperBlock.Negligible), greatest);
        return extreme;
    }

    /// <summary>The nearest level.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TI Level(TF value, int range) =>
        TI.Max(TI.Broadcast(-range), TI.Min(TI.Broadcast(range - 1), TF.NearestInt(value)));
}

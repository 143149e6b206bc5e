using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GgufQuant.Simd;

/// <summary>Operations shared by formats with the lanes along the block.</summary>
/// <remarks>Extremes of finite floats do not depend on order; if zeros of both signs or magnitudes tie, the first wins, as in ggml.</remarks>
internal static class BlockLanes<TFloats, TInts>
    where TFloats : struct, IFloatLanes<TFloats, TInts>
    where TInts : struct, IIntLanes<TInts, TFloats>
{
    private static ReadOnlySpan<int> PowersOfTwo =>
        [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768];

    private static ReadOnlySpan<int> Naturals => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    /// <summary>The number of each lane, from 0 on.</summary>
    public static TInts Numbers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TInts.Load(in MemoryMarshal.GetReference(Naturals));
    }

    /// <summary>The lanes at weight <paramref name="index"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats At(ref readonly float weights, int index) =>
        TFloats.Load(in Unsafe.Add(ref Unsafe.AsRef(in weights), index));

    /// <summary>A mask from the low bits, the lowest for the first lane: the inverse of <see cref="IIntLanes{TSelf, TFloats}.MaskBits"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TInts MaskOf(uint bits)
    {
        TInts lanes = TInts.Load(in MemoryMarshal.GetReference(PowersOfTwo));
        return TInts.Equal(TInts.Broadcast((int)bits) & lanes, lanes);
    }

    /// <summary>The greatest magnitude.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxMagnitude(ref readonly float weights, int count)
    {
        TFloats max = TFloats.Abs(TFloats.Load(in weights));
        for (int i = TFloats.Count; i < count; i += TFloats.Count)
            max = TFloats.Max(max, TFloats.Abs(At(in weights, i)));
        return TFloats.MaxAcross(max);
    }

    /// <summary>The first weight with the greatest magnitude, sign included; +0 if all are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FirstOfMaxMagnitude(ref readonly float weights, int count)
    {
        float max = MaxMagnitude(in weights, count);
        if (max == 0)
            return 0f;
        TFloats sought = TFloats.Broadcast(max);
        for (int i = 0; i < count; i += TFloats.Count)
        {
            uint found = TInts.MaskBits(TFloats.Equal(TFloats.Abs(At(in weights, i)), sought));
            if (found != 0)
                return Unsafe.Add(ref Unsafe.AsRef(in weights), i + BitOperations.TrailingZeroCount(found));
        }
        return max;
    }

    /// <summary>The least and the greatest weight; a zero is the first zero of the block, with its sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (float Min, float Max) Range(ref readonly float weights, int count)
    {
        TFloats least = TFloats.Load(in weights);
        TFloats greatest = least;
        for (int i = TFloats.Count; i < count; i += TFloats.Count)
        {
            TFloats lane = At(in weights, i);
            least = TFloats.Min(least, lane);
            greatest = TFloats.Max(greatest, lane);
        }
        float min = TFloats.MinAcross(least);
        float max = TFloats.MaxAcross(greatest);
        return (min == 0 ? FirstZero(in weights) : min, max == 0 ? FirstZero(in weights) : max);
    }

    /// <summary><c>(int)roundf(value)</c> as on x86: halves away from zero; NaN and infinity give <see cref="int.MinValue"/>.</summary>
    /// <remarks>Adding the float just below ½ carries exactly the halves, and nothing below them, over the next integer.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TInts Round(TFloats value)
    {
        TInts sign = TFloats.ToBits(value) & TInts.Broadcast(int.MinValue);
        TInts half = TInts.Broadcast(BitConverter.SingleToInt32Bits(0.49999997f));
        return TFloats.Truncate(value + TFloats.FromBits(half | sign));
    }

    private static float FirstZero(ref readonly float weights)
    {
        int i = 0;
        while (Unsafe.Add(ref Unsafe.AsRef(in weights), i) != 0)
            i++;
        return Unsafe.Add(ref Unsafe.AsRef(in weights), i);
    }
}

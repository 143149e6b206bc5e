using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>4-bit floats (sign, two bits of exponent, one of mantissa), counted in halves as ggml does: 0, 1, 2, 3, 4, 6, 8, 12.</summary>
/// <remarks>ggml's <c>kvalues_mxfp4</c> and <c>best_index_mxfp4</c>.</remarks>
internal static class E2M1<TFloats, TInts>
    where TFloats : struct, IFloatLanes<TFloats, TInts>
    where TInts : struct, IIntLanes<TInts, TFloats>
{
    private const int SignBit = 8;

    private static ReadOnlySpan<float> Magnitudes => [0, 1, 2, 3, 4, 6, 8, 12];

    /// <summary>The codes nearest to the weights under a scale; the least on a tie.</summary>
    /// <remarks>
    /// ggml tries all sixteen. The eight with the weight's own sign are enough: rounding is monotonic, so one of the other
    /// sign is never strictly nearer than zero, which comes first and has no sign.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TInts Encode(TFloats weights, float scale)
    {
        TFloats magnitude = TFloats.Abs(weights);
        TFloats nearest = magnitude;
        TInts code = TInts.Broadcast(0);
        for (int i = 1; i < Magnitudes.Length; i++)
        {
            TFloats distance = TFloats.Abs(TFloats.Broadcast(Magnitudes[i] * scale) - magnitude);
            TInts nearer = TFloats.GreaterThan(nearest, distance);
            nearest = TFloats.Min(distance, nearest);
            code = TInts.Select(nearer, TInts.Broadcast(i), code);
        }
        TInts sign = (TFloats.ToBits(weights) >> 31) & TInts.GreaterThan(code, TInts.Broadcast(0));
        return code | (sign & TInts.Broadcast(SignBit));
    }

    /// <summary>The weights of codes, in halves; both zeros are +0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats Decode(TInts codes)
    {
        TInts index = codes & TInts.Broadcast(7);
        TInts beyondFour = TInts.Max(index - TInts.Broadcast(4), TInts.Broadcast(0));
        TInts magnitude = index + beyondFour + (TInts.Equal(index, TInts.Broadcast(7)) & TInts.Broadcast(2));
        TInts sign = (codes << 28) >> 31;
        return TInts.ToFloat((magnitude ^ sign) - sign);
    }
}

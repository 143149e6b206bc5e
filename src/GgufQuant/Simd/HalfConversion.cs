using System.Runtime.CompilerServices;

namespace GgufQuant.Simd;

/// <summary>Conversion between floats and IEEE half precision, bit-identical to ggml's, including denormals, infinities and NaN.</summary>
/// <remarks>
/// ggml's <c>ggml_compute_fp16_to_fp32</c> and <c>ggml_compute_fp32_to_fp16</c>. Fabian Giesen's and Marat Dukhan's float
/// tricks, as in ggml: the floating-point unit does the rounding.
/// </remarks>
internal static class HalfConversion
{
    private const float TwoTo112 = 5.192296858534827628530496329220096e33f;
    private const float TwoToMinus110 = 7.703719777548943412223911770339709e-34f;
    private const float TwoToMinus112 = 1.925929944387235853055977942584927e-34f;

    /// <summary>Reads one half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Widen(ushort half)
    {
        float value = 0;
        Widen<FloatLane, IntLane>(new(half)).Store(ref value);
        return value;
    }

    /// <summary>Reads one half from two little-endian bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(ref readonly byte source) => Widen(Unsafe.ReadUnaligned<ushort>(in source));

    /// <summary>Rounds a float to the nearest half, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Narrow(float value) => (ushort)Narrow<FloatLane, IntLane>(new(value)).Value;

    /// <summary>Writes a float as a half in two little-endian bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref byte destination, float value) => Unsafe.WriteUnaligned(ref destination, Narrow(value));

    /// <summary>Reads the halves in the low 16 bits of the lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloats Widen<TFloats, TInts>(TInts halves)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        TInts magnitude = halves & TInts.Broadcast(0x7FFF);
        TFloats normal = TFloats.FromBits((magnitude << 13) + TInts.Broadcast(0x70000000)) * TFloats.Broadcast(TwoToMinus112);
        TFloats denormal = TFloats.FromBits(magnitude | TInts.Broadcast(126 << 23)) - TFloats.Broadcast(0.5f);
        TFloats value = TFloats.Select(TInts.GreaterThan(TInts.Broadcast(0x0400), magnitude), denormal, normal);
        return TFloats.FromBits(TFloats.ToBits(value) | ((halves << 16) & TInts.Broadcast(int.MinValue)));
    }

    /// <summary>Rounds each lane to the nearest half, ties to even; NaN gives a quiet NaN of the same sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TInts Narrow<TFloats, TInts>(TFloats values)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        TInts bits = TFloats.ToBits(values);
        TInts exponent = TInts.Max(bits & TInts.Broadcast(0x7F800000), TInts.Broadcast(0x38800000));
        TFloats scaled = (TFloats.Abs(values) * TFloats.Broadcast(TwoTo112)) * TFloats.Broadcast(TwoToMinus110);
        TInts rounded = TFloats.ToBits(TFloats.FromBits(exponent + TInts.Broadcast(0x07800000)) + scaled);
        TInts half = ((rounded >>> 13) & TInts.Broadcast(0x7C00)) + (rounded & TInts.Broadcast(0x0FFF));
        TInts isNaN = TInts.GreaterThan(bits & TInts.Broadcast(int.MaxValue), TInts.Broadcast(0x7F800000));
        return ((bits >>> 16) & TInts.Broadcast(0x8000)) | TInts.Select(isNaN, TInts.Broadcast(0x7E00), half);
    }
}

namespace GgufQuant.HuggingFace.Tensors;

/// <summary>The values of the 8-bit floating point types, by byte.</summary>
/// <remarks>The Open Compute Project's OFP8 and MX specifications.</remarks>
internal static class Float8
{
    /// <summary>Four exponent and three mantissa bits: no infinities, one NaN of each sign.</summary>
    public static ReadOnlySpan<float> E4M3 => s_e4m3;

    /// <summary>Five exponent and two mantissa bits, with infinities.</summary>
    public static ReadOnlySpan<float> E5M2 => s_e5m2;

    /// <summary>Eight exponent bits: the powers of two.</summary>
    public static ReadOnlySpan<float> E8M0 => s_e8m0;

    private static readonly float[] s_e4m3 = [.. Enumerable.Range(0, 256).Select(ReadE4M3)];
    private static readonly float[] s_e5m2 = [.. Enumerable.Range(0, 256).Select(bits => (float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8)))];
    private static readonly float[] s_e8m0 = [.. Enumerable.Range(0, 256).Select(bits => bits == 255 ? float.NaN : MathF.ScaleB(1, bits - 127))];

    private static float ReadE4M3(int bits)
    {
        int exponent = (bits >> 3) & 15;
        int mantissa = bits & 7;
        float magnitude = (bits & 0x7F) == 0x7F ? float.NaN
            : exponent == 0 ? MathF.ScaleB(mantissa, -9)
            : MathF.ScaleB(8 + mantissa, exponent - 10);
        return (bits & 0x80) == 0 ? magnitude : -magnitude;
    }
}

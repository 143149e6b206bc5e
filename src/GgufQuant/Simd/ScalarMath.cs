using System.Runtime.CompilerServices;

namespace GgufQuant.Simd;

/// <summary>C's float operations that .NET names or rounds differently, with the reference build's results.</summary>
internal static class ScalarMath
{
    /// <summary>ggml's <c>nearest_int</c>; see <see cref="IFloatLanes{TSelf, TInts}.NearestInt"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int NearestInt(float value) =>
        (BitConverter.SingleToInt32Bits(value + 12582912f) & 0x007FFFFF) - 0x00400000;

    /// <summary>C's cast to <c>int</c> on x86: NaN and values out of range give <see cref="int.MinValue"/>.</summary>
    /// <remarks>.NET's own cast saturates.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Truncate(float value) =>
        value is > -2147483904f and < 2147483648f ? (int)value : int.MinValue;
}

using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Brain floating point: the upper half of a single.</summary>
/// <remarks>ggml's <c>ggml_compute_fp32_to_bf16</c>.</remarks>
internal readonly struct BF16 : IQuantizableFormat, IHalfWidthFloat
{
    public static GgmlType Type => GgmlType.BF16;

    public static string Name => "bf16";

    public static int BlockSize => 1;

    public static int BlockBytes => sizeof(ushort);

    public static BlockLayout Layout => new(BlockField.BFloat16());

    public static bool IsQuantized => false;

    public static ImatrixSupport Importance => ImatrixSupport.Ignored;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<HalfWidthTraversal<BF16>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<HalfWidthTraversal<BF16>>(weights, rowLength, importance, blocks);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TFloats IHalfWidthFloat.Widen<TFloats, TInts>(TInts bits) => TFloats.FromBits(bits << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TInts IHalfWidthFloat.Narrow<TFloats, TInts>(TFloats values)
    {
        TInts bits = TFloats.ToBits(values);
        TInts upper = bits >>> 16;
        TInts nearestEven = (bits + TInts.Broadcast(0x7FFF) + (upper & TInts.Broadcast(1))) >>> 16;
        TInts isNaN = TInts.GreaterThan(bits & TInts.Broadcast(int.MaxValue), TInts.Broadcast(0x7F800000));
        return TInts.Select(isNaN, upper | TInts.Broadcast(0x40), nearestEven);
    }
}

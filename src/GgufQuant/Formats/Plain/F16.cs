using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>IEEE 754 half precision.</summary>
internal readonly struct F16 : IQuantizableFormat, IHalfWidthFloat
{
    public static GgmlType Type => GgmlType.F16;

    public static string Name => "f16";

    public static int BlockSize => 1;

    public static int BlockBytes => sizeof(ushort);

    public static BlockLayout Layout => new(BlockField.Halves());

    public static bool IsQuantized => false;

    public static ImatrixSupport Importance => ImatrixSupport.Ignored;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<HalfWidthTraversal<F16>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<HalfWidthTraversal<F16>>(weights, rowLength, importance, blocks);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TFloats IHalfWidthFloat.Widen<TFloats, TInts>(TInts bits) => HalfConversion.Widen<TFloats, TInts>(bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TInts IHalfWidthFloat.Narrow<TFloats, TInts>(TFloats values) => HalfConversion.Narrow<TFloats, TInts>(values);
}

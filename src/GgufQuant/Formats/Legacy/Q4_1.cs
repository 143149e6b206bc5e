using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>32 codes of 4 bits, under one half-precision scale and above one minimum.</summary>
/// <remarks>ggml's <c>block_q4_1</c>, <c>quantize_row_q4_1_ref</c>, <c>quantize_row_q4_1_impl</c>.</remarks>
internal readonly struct Q4_1 : IQuantizableFormat, ILegacyFormat
{
    public static GgmlType Type => GgmlType.Q4_1;

    public static string Name => "q4_1";

    public static int BlockSize => 32;

    public static int BlockBytes => (2 * sizeof(ushort)) + 16;

    public static BlockLayout Layout => new(BlockField.Halves(2), BlockField.Data(16));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int ILegacyFormat.CodeBits => 4;

    static bool ILegacyFormat.HasMinimum => true;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<LegacyBlocks<Q4_1>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        if (importance.IsEmpty)
            WidestLanes.Quantize<LegacyBlocks<Q4_1>>(weights, rowLength, importance, blocks);
        else
            WidestLanes.Quantize<LegacyImatrixBlocks<Q4_1>>(weights, rowLength, importance, blocks);
    }
}

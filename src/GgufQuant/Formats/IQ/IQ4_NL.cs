using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>4.5 bits: a scale and sixteen nonlinear levels for 32 weights.</summary>
/// <remarks>
/// ggml's <c>block_iq4_nl</c>, <c>quantize_row_iq4_nl_impl</c>. Layout: the scale (half), 16 bytes of the first sixteen
/// codes below the last sixteen.
/// </remarks>
internal readonly struct IQ4_NL : INonlinearFormat
{
    public static GgmlType Type => GgmlType.IQ4_NL;

    public static string Name => "iq4_nl";

    public static int BlockSize => 32;

    public static int BlockBytes => 18;

    public static BlockLayout Layout => new(BlockField.Halves(), BlockField.Data(16));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int ICodebookFormat.ScaleRun => 32;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<CodebookDequantizer<IQ4_NL>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<NonlinearQuantizer<IQ4_NL>>(weights, rowLength, importance, blocks);

    static void ICodebookFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        scales[0] = HalfConversion.Read(in block[0]);
        NonlinearLevels.Unpack(block[2..], levels);
    }

    static void INonlinearFormat.Pack<TF, TI>(ReadOnlySpan<float> weights, ReadOnlySpan<float> scales, Span<byte> block)
    {
        HalfConversion.Write(ref block[0], scales[0]);
        NonlinearLevels.Pack<TF, TI>(weights, scales[0] != 0 ? 1 / scales[0] : 0, block[2..]);
    }
}

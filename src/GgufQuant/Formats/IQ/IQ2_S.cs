using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>2.56 bits: a scale for 256 weights, a 4-bit one for 16, a point of 1024 and eight signs for 8.</summary>
/// <remarks>
/// ggml's <c>block_iq2_s</c>, <c>quantize_row_iq2_s_impl</c>, <c>iq2s_grid</c>. Layout: the scale (half), 32 low bytes of
/// point indices, 32 bytes of signs, the indices' two high bits, 16 scales of 4 bits.
/// </remarks>
internal readonly struct IQ2_S : IGridFormat
{
    private static readonly ulong[] s_points = Grid.IQ2_S.Expand(8, 25, 43);

    public static GgmlType Type => GgmlType.IQ2_S;

    public static string Name => "iq2_s";

    public static int BlockSize => 256;

    public static int BlockBytes => 82;

    public static BlockLayout Layout => new(BlockField.Halves(), BlockField.Data(32), BlockField.Data(32), BlockField.Data(8), BlockField.Data(8));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int ICodebookFormat.ScaleRun => 16;

    static Grid IGridFormat.Grid => Grid.IQ2_S;

    static bool IGridFormat.HasOneShell => true;

    static int IGridFormat.Dimensions => 8;

    static int IGridFormat.Reach => 9;

    static float IGridFormat.Step => 0.1f;

    static bool IGridFormat.StartsFromFit => false;

    static bool IGridFormat.SevenSigns => false;

    static float IGridFormat.Negligible => 1e-8f;

    static float IGridFormat.VarianceFactor => 2;

    static GridRefit IGridFormat.Refit => GridRefit.OffGrid;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<CodebookDequantizer<IQ2_S>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<GridQuantizer<IQ2_S>>(weights, rowLength, importance, blocks);

    static void ICodebookFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        float scale = HalfConversion.Read(in block[0]);
        for (int s = 0; s < scales.Length; s++)
            scales[s] = scale * (0.5f + ((block[74 + (s / 2)] >> (s % 2 * 4)) & 15)) * 0.25f;
        for (int k = 0; k < levels.Length; k++)
        {
            int point = block[2 + k] | (((block[66 + (k / 4)] >> (k % 4 * 2)) & 3) << 8);
            levels[k] = SignBits.Apply(s_points[point], block[34 + k]);
        }
    }

    static TF IGridFormat.FactorWithoutImatrix<TF, TI>(TF weight, TF variance) => (TF.Broadcast(0.25f) * variance) + (weight * weight);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IGridFormat.Pack(
        ReadOnlySpan<int> points,
        ReadOnlySpan<byte> signs,
        ReadOnlySpan<float> scales,
        uint zeros,
        float maxScale,
        Span<byte> block)
    {
        signs.CopyTo(block[34..]);
        for (int k = 0; k < points.Length; k += 4)
        {
            int high = 0;
            for (int i = 0; i < 4; i++)
            {
                block[2 + k + i] = (byte)points[k + i];
                high |= points[k + i] >> 8 << (2 * i);
            }
            block[66 + (k / 4)] = (byte)high;
        }
        if (maxScale == 0)
            return;
        float scale = maxScale / 31;
        HalfConversion.Write(ref block[0], scale * 0.9875f);
        GridScales.Pack(scales, 1 / scale, block[74..]);
    }
}

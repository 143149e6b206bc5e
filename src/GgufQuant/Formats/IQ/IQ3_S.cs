using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>3.44 bits: a scale for 256 weights, a 4-bit one for 32, a point of 512 for 4 and eight signs for 8.</summary>
/// <remarks>
/// ggml's <c>block_iq3_s</c>, <c>quantize_row_iq3_s_impl</c>, <c>iq3s_grid</c>. Layout: the scale (half), 64 low bytes of
/// point indices, the indices' high bits, 32 bytes of signs, 8 scales of 4 bits.
/// </remarks>
internal readonly struct IQ3_S : IGridFormat
{
    private static readonly ulong[] s_points = Grid.IQ3_S.Expand(1, 3, 5, 7, 9, 11, 13, 15);

    public static GgmlType Type => GgmlType.IQ3_S;

    public static string Name => "iq3_s";

    public static int BlockSize => 256;

    public static int BlockBytes => 110;

    public static BlockLayout Layout => new(BlockField.Halves(), BlockField.Data(64), BlockField.Data(8), BlockField.Data(32), BlockField.Data(4));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int ICodebookFormat.ScaleRun => 32;

    static Grid IGridFormat.Grid => Grid.IQ3_S;

    static bool IGridFormat.HasOneShell => false;

    static int IGridFormat.Dimensions => 4;

    static int IGridFormat.Reach => 9;

    static float IGridFormat.Step => 0.2f;

    static bool IGridFormat.StartsFromFit => false;

    static bool IGridFormat.SevenSigns => false;

    static float IGridFormat.Negligible => float.Epsilon;

    static float IGridFormat.VarianceFactor => 2;

    static GridRefit IGridFormat.Refit => GridRefit.AllIfAnyIsOff;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<CodebookDequantizer<IQ3_S>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<GridQuantizer<IQ3_S>>(weights, rowLength, importance, blocks);

    static void ICodebookFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        float scale = HalfConversion.Read(in block[0]);
        for (int s = 0; s < scales.Length; s++)
        {
            scales[s] = scale * (1 + (2 * ((block[106 + (s / 2)] >> (s % 2 * 4)) & 15)));
            ReadOnlySpan<byte> points = block.Slice(2 + (8 * s), 8);
            int high = block[66 + s] << 8;
            for (int k = 0; k < 4; k++)
            {
                ulong low = s_points[points[2 * k] | ((high >> (2 * k)) & 256)];
                ulong pair = low | (s_points[points[(2 * k) + 1] | ((high >> ((2 * k) + 1)) & 256)] << 32);
                levels[(4 * s) + k] = SignBits.Apply(pair, block[74 + (4 * s) + k]);
            }
        }
    }

    static TF IGridFormat.FactorWithoutImatrix<TF, TI>(TF weight, TF variance) => weight * weight;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IGridFormat.Pack(
        ReadOnlySpan<int> points,
        ReadOnlySpan<byte> signs,
        ReadOnlySpan<float> scales,
        uint zeros,
        float maxScale,
        Span<byte> block)
    {
        // ggml does not advance past the low bytes and signs of a sub-block of zeros, so those after it move up.
        for (int s = 0, filled = 0; s < scales.Length; s++)
        {
            if ((zeros >> s & 1) != 0)
                continue;
            int high = 0;
            for (int k = 0; k < 8; k++)
            {
                int point = points[(8 * s) + k];
                block[2 + (8 * filled) + k] = (byte)point;
                high |= point >> 8 << k;
            }
            block[66 + s] = (byte)high;
            signs.Slice(4 * s, 4).CopyTo(block[(74 + (4 * filled))..]);
            filled++;
        }
        if (maxScale == 0)
            return;
        float scale = maxScale / 31;
        HalfConversion.Write(ref block[0], scale * 1.033f);
        GridScales.Pack(scales, 1 / scale, block[106..]);
    }
}

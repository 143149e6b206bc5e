using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>2.06 bits: a scale for 256 weights, a 4-bit one for 32, a point of 256 and seven signs for 8.</summary>
/// <remarks>
/// ggml's <c>block_iq2_xxs</c>, <c>quantize_row_iq2_xxs_impl</c>, <c>iq2xxs_grid</c>. Layout: the scale (half), then for
/// each 32 weights four point indices and a 32-bit word of four times seven signs below the 4-bit scale.
/// </remarks>
internal readonly struct IQ2_XXS : IGridFormat
{
    private static readonly ulong[] s_points = Grid.IQ2_XXS.Expand(8, 25, 43);

    public static GgmlType Type => GgmlType.IQ2_XXS;

    public static string Name => "iq2_xxs";

    public static int BlockSize => 256;

    public static int BlockBytes => 66;

    public static BlockLayout Layout => new(BlockField.Halves(), BlockField.MixedWidths(64));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Required;

    static int ICodebookFormat.ScaleRun => 32;

    static Grid IGridFormat.Grid => Grid.IQ2_XXS;

    static bool IGridFormat.HasOneShell => false;

    static int IGridFormat.Dimensions => 8;

    static int IGridFormat.Reach => 6;

    static float IGridFormat.Step => 0.1f;

    static bool IGridFormat.StartsFromFit => true;

    static bool IGridFormat.SevenSigns => true;

    static float IGridFormat.Negligible => SuperBlock.Negligible;

    static float IGridFormat.VarianceFactor => 1;

    static GridRefit IGridFormat.Refit => GridRefit.All;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<CodebookDequantizer<IQ2_XXS>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<GridQuantizer<IQ2_XXS>>(weights, rowLength, importance, blocks);

    static void ICodebookFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        float scale = HalfConversion.Read(in block[0]);
        for (int s = 0; s < scales.Length; s++)
        {
            ReadOnlySpan<byte> points = block.Slice(2 + (8 * s), 8);
            uint signs = BinaryPrimitives.ReadUInt32LittleEndian(points[4..]);
            scales[s] = scale * (0.5f + (signs >> 28)) * 0.25f;
            for (int k = 0; k < 4; k++)
                levels[(4 * s) + k] = SignBits.Apply(s_points[points[k]], SignBits.FromSeven((int)(signs >> (7 * k)) & 127));
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
        if (maxScale == 0)
            return;
        float scale = maxScale / 31;
        float inverse = 1 / scale;
        HalfConversion.Write(ref block[0], scale);
        for (int s = 0; s < scales.Length; s++)
        {
            uint word = GridScales.Code(inverse, scales[s]) << 28;
            for (int k = 0; k < 4; k++)
            {
                block[2 + (8 * s) + k] = (byte)points[(4 * s) + k];
                word |= (signs[(4 * s) + k] & 127u) << (7 * k);
            }
            BinaryPrimitives.WriteUInt32LittleEndian(block[(6 + (8 * s))..], word);
        }
    }
}

using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>3.06 bits: a scale for 256 weights, a 4-bit one for 32, a point of 256 for 4 and seven signs for 8.</summary>
/// <remarks>
/// ggml's <c>block_iq3_xxs</c>, <c>quantize_row_iq3_xxs_impl</c>, <c>iq3xxs_grid</c>. Layout: the scale (half), 64 point
/// indices, then for each 32 weights a 32-bit word of four times seven signs below the 4-bit scale.
/// </remarks>
internal readonly struct IQ3_XXS : IGridFormat
{
    private static readonly ulong[] s_points = Grid.IQ3_XXS.Expand(4, 12, 20, 28, 36, 44, 52, 62);

    public static GgmlType Type => GgmlType.IQ3_XXS;

    public static string Name => "iq3_xxs";

    public static int BlockSize => 256;

    public static int BlockBytes => 98;

    public static BlockLayout Layout => new(BlockField.Halves(), BlockField.Data(64), BlockField.Data(8, sizeof(uint)));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int ICodebookFormat.ScaleRun => 32;

    static Grid IGridFormat.Grid => Grid.IQ3_XXS;

    static bool IGridFormat.HasOneShell => false;

    static int IGridFormat.Dimensions => 4;

    static int IGridFormat.Reach => 15;

    static float IGridFormat.Step => 0.2f;

    static bool IGridFormat.StartsFromFit => false;

    static bool IGridFormat.SevenSigns => true;

    static float IGridFormat.Negligible => 1e-8f;

    static float IGridFormat.VarianceFactor => 2;

    static GridRefit IGridFormat.Refit => GridRefit.OffGrid;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<CodebookDequantizer<IQ3_XXS>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<GridQuantizer<IQ3_XXS>>(weights, rowLength, importance, blocks);

    static void ICodebookFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        float scale = HalfConversion.Read(in block[0]);
        for (int s = 0; s < scales.Length; s++)
        {
            ReadOnlySpan<byte> points = block.Slice(2 + (8 * s), 8);
            uint signs = BinaryPrimitives.ReadUInt32LittleEndian(block[(66 + (4 * s))..]);
            scales[s] = scale * (0.5f + (signs >> 28)) * 0.5f;
            for (int k = 0; k < 4; k++)
            {
                ulong pair = s_points[points[2 * k]] | (s_points[points[(2 * k) + 1]] << 32);
                levels[(4 * s) + k] = SignBits.Apply(pair, SignBits.FromSeven((int)(signs >> (7 * k)) & 127));
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
        if (maxScale == 0)
            return;
        float scale = maxScale / 31;
        float inverse = 1 / scale;
        HalfConversion.Write(ref block[0], scale * 1.0125f);
        for (int k = 0; k < points.Length; k++)
            block[2 + k] = (byte)points[k];
        for (int s = 0; s < scales.Length; s++)
        {
            uint word = GridScales.Code(inverse, scales[s]) << 28;
            for (int k = 0; k < 4; k++)
            {
                word |= (signs[(4 * s) + k] & 127u) << (7 * k);
            }
            BinaryPrimitives.WriteUInt32LittleEndian(block[(66 + (4 * s))..], word);
        }
    }
}

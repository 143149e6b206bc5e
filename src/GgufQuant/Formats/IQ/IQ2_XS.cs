using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>2.31 bits: a scale for 256 weights, a 4-bit one for 16, a point of 512 and seven signs for 8.</summary>
/// <remarks>
/// ggml's <c>block_iq2_xs</c>, <c>quantize_row_iq2_xs_impl</c>, <c>iq2xs_grid</c>. Layout: the scale (half), 32 words of
/// a 9-bit point index below seven signs, 16 scales of 4 bits.
/// </remarks>
internal readonly struct IQ2_XS : IGridFormat
{
    private static readonly ulong[] s_points = Grid.IQ2_XS.Expand(8, 25, 43);

    public static GgmlType Type => GgmlType.IQ2_XS;

    public static string Name => "iq2_xs";

    public static int BlockSize => 256;

    public static int BlockBytes => 74;

    public static BlockLayout Layout => new(BlockField.Halves(), BlockField.Data(32, sizeof(ushort)), BlockField.Data(8));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Required;

    static int ICodebookFormat.ScaleRun => 16;

    static Grid IGridFormat.Grid => Grid.IQ2_XS;

    static bool IGridFormat.HasOneShell => false;

    static int IGridFormat.Dimensions => 8;

    static int IGridFormat.Reach => 9;

    static float IGridFormat.Step => 0.1f;

    static bool IGridFormat.StartsFromFit => false;

    static bool IGridFormat.SevenSigns => true;

    static float IGridFormat.Negligible => SuperBlock.Negligible;

    static float IGridFormat.VarianceFactor => 1;

    static GridRefit IGridFormat.Refit => GridRefit.OffGrid;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<CodebookDequantizer<IQ2_XS>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<GridQuantizer<IQ2_XS>>(weights, rowLength, importance, blocks);

    static void ICodebookFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        float scale = HalfConversion.Read(in block[0]);
        for (int s = 0; s < scales.Length; s++)
            scales[s] = scale * (0.5f + ((block[66 + (s / 2)] >> (s % 2 * 4)) & 15)) * 0.25f;
        for (int k = 0; k < levels.Length; k++)
        {
            int word = BinaryPrimitives.ReadUInt16LittleEndian(block[(2 + (2 * k))..]);
            levels[k] = SignBits.Apply(s_points[word & 511], SignBits.FromSeven(word >> 9));
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
        HalfConversion.Write(ref block[0], scale);
        for (int k = 0; k < points.Length; k++)
            BinaryPrimitives.WriteUInt16LittleEndian(block[(2 + (2 * k))..], (ushort)(points[k] | ((signs[k] & 127) << 9)));
        GridScales.Pack(scales, 1 / scale, block[66..]);
    }
}

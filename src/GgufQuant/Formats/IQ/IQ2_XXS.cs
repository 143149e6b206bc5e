using System.Buffers.Binary;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>2.06 bits: a scale for 256 weights, a 4-bit one for 32, a point of 256 and seven signs for 8.</summary>
/// <remarks>
/// Layout: the scale (half), then for each 32 weights four point indices and a 32-bit word of four times seven
/// signs below the 4-bit scale.
/// </remarks>
public readonly struct IQ2_XXS : ILatticeFormat
{
    private static readonly ulong[] s_points = Lattice.IQ2_XXS.Expand(8, 25, 43);

    public static GgmlType Type => GgmlType.IQ2_XXS;

    public static string Name => "iq2_xxs";

    public static int BlockSize => 256;

    public static int BlockBytes => 66;

    public static bool IsQuantized => true;

    public static ImportanceUse Importance => ImportanceUse.Required;

    static int ILevelFormat.ScaleRun => 32;

    static Lattice ILatticeFormat.Lattice => Lattice.IQ2_XXS;

    static int ILatticeFormat.Dimensions => 8;

    static int ILatticeFormat.Reach => 6;

    static float ILatticeFormat.Step => 0.1f;

    static bool ILatticeFormat.SearchesSideBySide => false;

    static bool ILatticeFormat.StartsFromFit => true;

    static bool ILatticeFormat.SevenSigns => true;

    static float ILatticeFormat.Negligible => SuperBlock.Negligible;

    static float ILatticeFormat.VarianceFactor => 1;

    static LatticeRefit ILatticeFormat.Refit => LatticeRefit.All;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<SignedLevels<IQ2_XXS>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<LatticeQuantizer<IQ2_XXS>>(weights, rowLength, importance, blocks);

    static void ILevelFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
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

    static TF ILatticeFormat.PlainFactor<TF, TI>(TF weight, TF variance) => weight * weight;

    static void ILatticeFormat.Pack(
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
            uint word = LatticeScales.Code(inverse, scales[s]) << 28;
            for (int k = 0; k < 4; k++)
            {
                block[2 + (8 * s) + k] = (byte)points[(4 * s) + k];
                word |= (signs[(4 * s) + k] & 127u) << (7 * k);
            }
            BinaryPrimitives.WriteUInt32LittleEndian(block[(6 + (8 * s))..], word);
        }
    }
}

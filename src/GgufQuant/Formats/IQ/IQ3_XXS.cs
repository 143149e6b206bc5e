using System.Buffers.Binary;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>3.06 bits: a scale for 256 weights, a 4-bit one for 32, a point of 256 for 4 and seven signs for 8.</summary>
/// <remarks>
/// Layout: the scale (half), 64 point indices, then for each 32 weights a 32-bit word of four times seven signs below
/// the 4-bit scale.
/// </remarks>
public readonly struct IQ3_XXS : ILatticeFormat
{
    private static readonly ulong[] s_points = Lattice.IQ3_XXS.Expand(4, 12, 20, 28, 36, 44, 52, 62);

    public static GgmlType Type => GgmlType.IQ3_XXS;

    public static string Name => "iq3_xxs";

    public static int BlockSize => 256;

    public static int BlockBytes => 98;

    public static bool IsQuantized => true;

    public static ImportanceUse Importance => ImportanceUse.Optional;

    static int ILevelFormat.ScaleRun => 32;

    static Lattice ILatticeFormat.Lattice => Lattice.IQ3_XXS;

    static int ILatticeFormat.Dimensions => 4;

    static int ILatticeFormat.Reach => 15;

    static float ILatticeFormat.Step => 0.2f;

    static bool ILatticeFormat.SearchesSideBySide => true;

    static bool ILatticeFormat.StartsFromFit => false;

    static bool ILatticeFormat.SevenSigns => true;

    static float ILatticeFormat.Negligible => 1e-8f;

    static float ILatticeFormat.VarianceFactor => 2;

    static LatticeRefit ILatticeFormat.Refit => LatticeRefit.OffLattice;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<SignedLevels<IQ3_XXS>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<LatticeQuantizer<IQ3_XXS>>(weights, rowLength, importance, blocks);

    static void ILevelFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
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
        HalfConversion.Write(ref block[0], scale * 1.0125f);
        for (int k = 0; k < points.Length; k++)
            block[2 + k] = (byte)points[k];
        for (int s = 0; s < scales.Length; s++)
        {
            uint word = LatticeScales.Code(inverse, scales[s]) << 28;
            for (int k = 0; k < 4; k++)
            {
                word |= (signs[(4 * s) + k] & 127u) << (7 * k);
            }
            BinaryPrimitives.WriteUInt32LittleEndian(block[(66 + (4 * s))..], word);
        }
    }
}

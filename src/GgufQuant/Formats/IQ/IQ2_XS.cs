using System.Buffers.Binary;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>2.31 bits: a scale for 256 weights, a 4-bit one for 16, a point of 512 and seven signs for 8.</summary>
/// <remarks>Layout: the scale (half), 32 words of a 9-bit point index below seven signs, 16 scales of 4 bits.</remarks>
public readonly struct IQ2_XS : ILatticeFormat
{
    private static readonly ulong[] s_points = Lattice.IQ2_XS.Expand(8, 25, 43);

    public static GgmlType Type => GgmlType.IQ2_XS;

    public static string Name => "iq2_xs";

    public static int BlockSize => 256;

    public static int BlockBytes => 74;

    public static bool IsQuantized => true;

    public static ImportanceUse Importance => ImportanceUse.Required;

    static int ILevelFormat.ScaleRun => 16;

    static Lattice ILatticeFormat.Lattice => Lattice.IQ2_XS;

    static int ILatticeFormat.Dimensions => 8;

    static int ILatticeFormat.Reach => 9;

    static float ILatticeFormat.Step => 0.1f;

    static bool ILatticeFormat.SearchesSideBySide => false;

    static bool ILatticeFormat.StartsFromFit => false;

    static bool ILatticeFormat.SevenSigns => true;

    static float ILatticeFormat.Negligible => SuperBlock.Negligible;

    static float ILatticeFormat.VarianceFactor => 1;

    static LatticeRefit ILatticeFormat.Refit => LatticeRefit.OffLattice;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<SignedLevels<IQ2_XS>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<LatticeQuantizer<IQ2_XS>>(weights, rowLength, importance, blocks);

    static void ILevelFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
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
        HalfConversion.Write(ref block[0], scale);
        for (int k = 0; k < points.Length; k++)
            BinaryPrimitives.WriteUInt16LittleEndian(block[(2 + (2 * k))..], (ushort)(points[k] | ((signs[k] & 127) << 9)));
        LatticeScales.Pack(scales, 1 / scale, block[66..]);
    }
}

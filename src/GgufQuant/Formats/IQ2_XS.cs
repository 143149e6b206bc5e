using System.Buffers.Binary;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>2.31 bits: a scale for 256 weights, a 4-bit one for 16, a point of 512 and seven signs for 8.</summary>
/// <remarks>Layout: the scale (half), 32 words of a 9-bit point index below seven signs, 16 scales of 4 bits.</remarks>
public readonly struct IQ2_XS : ILevelFormat
{
    private static readonly ulong[] s_points = Lattice.IQ2_XS.Expand(8, 25, 43);

    public static GgmlType Type => GgmlType.IQ2_XS;

    public static string Name => "iq2_xs";

    public static int BlockSize => 256;

    public static int BlockBytes => 74;

    public static bool IsQuantized => true;

    static int ILevelFormat.ScaleRun => 16;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<SignedLevels<IQ2_XS>>(blocks, weights);

    static void ILevelFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        for (int s = 0; s < scales.Length; s++)
            scales[s] = scale * (0.5f + ((block[66 + (s / 2)] >> (s % 2 * 4)) & 15)) * 0.25f;
        for (int k = 0; k < levels.Length; k++)
        {
            int word = BinaryPrimitives.ReadUInt16LittleEndian(block[(2 + (2 * k))..]);
            levels[k] = SignBits.Apply(s_points[word & 511], SignBits.FromSeven(word >> 9));
        }
    }
}

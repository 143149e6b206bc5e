using System.Buffers.Binary;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>2.06 bits: a scale for 256 weights, a 4-bit one for 32, a point of 256 and seven signs for 8.</summary>
/// <remarks>
/// Layout: the scale (half), then for each 32 weights four point indices and a 32-bit word of four times seven
/// signs below the 4-bit scale.
/// </remarks>
public readonly struct IQ2_XXS : ILevelFormat
{
    private static readonly ulong[] s_points = Lattice.IQ2_XXS.Expand(8, 25, 43);

    public static GgmlType Type => GgmlType.IQ2_XXS;

    public static string Name => "iq2_xxs";

    public static int BlockSize => 256;

    public static int BlockBytes => 66;

    public static bool IsQuantized => true;

    static int ILevelFormat.ScaleRun => 32;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<SignedLevels<IQ2_XXS>>(blocks, weights);

    static void ILevelFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        for (int s = 0; s < scales.Length; s++)
        {
            ReadOnlySpan<byte> points = block.Slice(2 + (8 * s), 8);
            uint signs = BinaryPrimitives.ReadUInt32LittleEndian(points[4..]);
            scales[s] = scale * (0.5f + (signs >> 28)) * 0.25f;
            for (int k = 0; k < 4; k++)
                levels[(4 * s) + k] = SignBits.Apply(s_points[points[k]], SignBits.FromSeven((int)(signs >> (7 * k)) & 127));
        }
    }
}

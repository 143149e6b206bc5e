using System.Buffers.Binary;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>1.56 bits: a scale for 256 weights, a 3-bit one and a shift for 32, a ternary point of 2048 for 8.</summary>
/// <remarks>
/// Layout: the scale (half), 32 low bytes of point indices, then for each 32 weights a word of four times three high
/// bits of the indices, the 3-bit scale and the shift's sign.
/// </remarks>
public readonly struct IQ1_S : ILevelFormat
{
    public static GgmlType Type => GgmlType.IQ1_S;

    public static string Name => "iq1_s";

    public static int BlockSize => 256;

    public static int BlockBytes => 50;

    public static bool IsQuantized => true;

    static int ILevelFormat.ScaleRun => 32;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<SignedLevels<IQ1_S>>(blocks, weights);

    static void ILevelFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        float scale = HalfConversion.Read(in block[0]);
        for (int s = 0; s < scales.Length; s++)
        {
            int word = BinaryPrimitives.ReadUInt16LittleEndian(block[(34 + (2 * s))..]);
            scales[s] = scale * ((2 * ((word >> 12) & 7)) + 1) * ShiftedTernary.Unit;
            ulong[] points = (word & 0x8000) != 0 ? ShiftedTernary.Down : ShiftedTernary.Up;
            for (int k = 0; k < 4; k++)
                levels[(4 * s) + k] = points[block[2 + (4 * s) + k] | (((word >> (3 * k)) & 7) << 8)];
        }
    }
}

using System.Buffers.Binary;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>4.25 bits: a scale for 256 weights, a 6-bit one and sixteen nonlinear levels for 32.</summary>
/// <remarks>
/// Layout: the scale (half), a word of the 6-bit scales' high pairs of bits, their low halves, then for each 32
/// weights 16 bytes of the first sixteen codes below the last sixteen.
/// </remarks>
public readonly struct IQ4_XS : ILevelFormat
{
    public static GgmlType Type => GgmlType.IQ4_XS;

    public static string Name => "iq4_xs";

    public static int BlockSize => 256;

    public static int BlockBytes => 136;

    public static bool IsQuantized => true;

    static int ILevelFormat.ScaleRun => 32;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<SignedLevels<IQ4_XS>>(blocks, weights);

    static void ILevelFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        int high = BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);
        for (int s = 0; s < scales.Length; s++)
        {
            int low = (block[4 + (s / 2)] >> (s % 2 * 4)) & 15;
            scales[s] = scale * ((low | (((high >> (2 * s)) & 3) << 4)) - 32);
            NonlinearLevels.Unpack(block[(8 + (16 * s))..], levels[(4 * s)..]);
        }
    }
}

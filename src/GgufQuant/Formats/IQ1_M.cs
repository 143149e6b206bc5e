using System.Buffers.Binary;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>1.75 bits: a scale for 256 weights, a 3-bit one for 16, a shift and a ternary point of 2048 for 8.</summary>
/// <remarks>
/// Layout: 32 low bytes of point indices, their three high bits and the shift's sign in 4 bits each, then four words
/// of four 3-bit scales; the words' top bits make up the scale (half).
/// </remarks>
public readonly struct IQ1_M : ILevelFormat
{
    public static GgmlType Type => GgmlType.IQ1_M;

    public static string Name => "iq1_m";

    public static int BlockSize => 256;

    public static int BlockBytes => 56;

    public static bool IsQuantized => true;

    static int ILevelFormat.ScaleRun => 16;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<SignedLevels<IQ1_M>>(blocks, weights);

    static void ILevelFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        ulong words = BinaryPrimitives.ReadUInt64LittleEndian(block[48..]);
        ulong bits = ((words >> 12) & 0x000F) | ((words >> 24) & 0x00F0) | ((words >> 36) & 0x0F00) | ((words >> 48) & 0xF000);
        float scale = HalfConversion.Widen((ushort)bits);
        for (int s = 0; s < scales.Length; s++)
        {
            int code = (int)(words >> ((16 * (s / 4)) + (3 * (s % 4)))) & 7;
            scales[s] = scale * ((2 * code) + 1) * ShiftedTernary.Unit;
        }
        for (int k = 0; k < levels.Length; k++)
        {
            int high = block[32 + (k / 2)] >> (k % 2 * 4);
            ulong[] points = (high & 8) != 0 ? ShiftedTernary.Down : ShiftedTernary.Up;
            levels[k] = points[block[k] | ((high & 7) << 8)];
        }
    }
}

using System.Buffers.Binary;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>4.5 bits: a scale and sixteen nonlinear levels for 32 weights.</summary>
/// <remarks>Layout: the scale (half), 16 bytes of the first sixteen codes below the last sixteen.</remarks>
public readonly struct IQ4_NL : ILevelFormat
{
    public static GgmlType Type => GgmlType.IQ4_NL;

    public static string Name => "iq4_nl";

    public static int BlockSize => 32;

    public static int BlockBytes => 18;

    public static bool IsQuantized => true;

    static int ILevelFormat.ScaleRun => 32;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<SignedLevels<IQ4_NL>>(blocks, weights);

    static void ILevelFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        scales[0] = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        NonlinearLevels.Unpack(block[2..], levels);
    }
}

using GgufQuant.Formats;
using GgufQuant.Simd;

namespace GgufQuant.Tests.Formats;

/// <summary>Four weights of two bits under a half-precision scale: the example of CONTRIBUTING.md.</summary>
internal readonly struct TOY2 : IQuantizableFormat
{
    public static GgmlType Type => (GgmlType)1000;

    public static string Name => "toy2";

    public static int BlockSize => 4;

    public static int BlockBytes => 3;

    public static BlockLayout Layout => new(BlockField.Halves(), BlockField.Data(1));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Ignored;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights)
    {
        for (; !blocks.IsEmpty; blocks = blocks[BlockBytes..], weights = weights[BlockSize..])
        {
            float scale = HalfConversion.Read(in blocks[0]);
            for (int i = 0; i < BlockSize; i++)
                weights[i] = scale * (((blocks[2] >> (2 * i)) & 3) - 1);
        }
    }

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        for (; !weights.IsEmpty; weights = weights[BlockSize..], blocks = blocks[BlockBytes..])
        {
            float scale = 0;
            foreach (float weight in weights[..BlockSize])
                scale = Math.Max(scale, Math.Abs(weight));
            HalfConversion.Write(ref blocks[0], scale);
            float inverse = scale != 0 ? 1 / scale : 0;
            blocks[2] = 0;
            for (int i = 0; i < BlockSize; i++)
                blocks[2] |= (byte)((ScalarMath.NearestInt(inverse * weights[i]) + 1) << (2 * i));
        }
    }
}

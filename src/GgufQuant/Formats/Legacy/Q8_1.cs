using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>32 signed bytes under a half-precision scale, with their scaled sum: llama.cpp's format for activations.</summary>
/// <remarks>
/// ggml's <c>block_q8_1</c>. ggml has neither a <c>to_float</c> nor a file quantizer for it; a weight is its code times
/// the scale.
/// </remarks>
internal readonly struct Q8_1 : IBlockFormat
{
    private const int HeaderBytes = 2 * sizeof(ushort);

    public static GgmlType Type => GgmlType.Q8_1;

    public static string Name => "q8_1";

    public static int BlockSize => 32;

    public static int BlockBytes => HeaderBytes + 32;

    public static BlockLayout Layout => new(BlockField.Halves(2), BlockField.Data(32));

    public static bool IsQuantized => true;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights)
    {
        for (; !blocks.IsEmpty; blocks = blocks[BlockBytes..], weights = weights[BlockSize..])
        {
            float scale = HalfConversion.Read(in blocks[0]);
            for (int i = 0; i < BlockSize; i++)
                weights[i] = (sbyte)blocks[HeaderBytes + i] * scale;
        }
    }
}

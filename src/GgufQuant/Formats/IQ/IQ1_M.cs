using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>1.75 bits: a scale for 256 weights, a 3-bit one for 16, a shift and a grid point of 2048 for 8.</summary>
/// <remarks>
/// ggml's <c>block_iq1_m</c>, <c>quantize_row_iq1_m_impl</c>, <c>iq1s_grid</c>. Layout: 32 low bytes of point indices,
/// their three high bits and the shift's sign in 4 bits each, then four words of four 3-bit scales; the words' top bits
/// make up the scale (half).
/// </remarks>
internal readonly struct IQ1_M : IIQ1Format
{
    private const int GroupSize = 8;

    // The bits of a point's index above its low byte; the highest is the direction of the shift.
    private const int HighBits = 0xF00;

    public static GgmlType Type => GgmlType.IQ1_M;

    public static string Name => "iq1_m";

    public static int BlockSize => 256;

    public static int BlockBytes => 56;

    public static BlockLayout Layout => new(BlockField.Data(32), BlockField.Data(16), BlockField.SplitHalf());

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int ICodebookFormat.ScaleRun => 16;

    static float IIQ1Format.Negligible => 1e-7f;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<CodebookDequantizer<IQ1_M>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<IQ1Quantizer<IQ1_M, IQ1_MSums>>(weights, rowLength, importance, blocks);

    static void ICodebookFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        ulong words = BinaryPrimitives.ReadUInt64LittleEndian(block[48..]);
        ulong bits = ((words >> 12) & 0x000F) | ((words >> 24) & 0x00F0) | ((words >> 36) & 0x0F00) | ((words >> 48) & 0xF000);
        float scale = HalfConversion.Widen((ushort)bits);
        scales = scales[..16];
        for (int s = 0; s < scales.Length; s += 4, words >>= 16)
        {
            for (int k = 0; k < 4; k++)
                scales[s + k] = scale * ((2 * ((int)(words >> (3 * k)) & 7)) + 1) * IQ1Codebook.Delta;
        }
        ulong[] points = IQ1Codebook.Points;
        ReadOnlySpan<byte> low = block[..32];
        ReadOnlySpan<byte> high = block.Slice(32, 16);
        levels = levels[..32];
        for (int g = 0; g < levels.Length; g += 2)
        {
            int both = high[g / 2];
            levels[g] = points[low[g] | ((both << 8) & HighBits)];
            levels[g + 1] = points[low[g + 1] | ((both << 4) & HighBits)];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IIQ1Format.Pack(
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> factors,
        ReadOnlySpan<int> points,
        ReadOnlySpan<int> map,
        ReadOnlySpan<int> shifts,
        ReadOnlySpan<float> scales,
        Span<byte> block)
    {
        for (int g = 0; g < points.Length; g++)
        {
            int point = map[points[g]];
            block[g] = (byte)point;
            block[32 + (g / 2)] |= (byte)(point >> 8 << (g % 2 * 4));
        }
        float maxScale = 0;
        foreach (float scale in scales)
            maxScale = maxScale > scale ? maxScale : scale;
        if (maxScale == 0)
            return;

        float factor = maxScale / 15;
        float inverse = 1 / factor;
        ulong words = 0;
        float products = 0;
        float squares = 0;
        for (int g = 0; g < points.Length; g++)
        {
            int s = g / 2;
            int code = IQ1Codebook.ScaleCode(inverse, scales[s]);
            words |= (ulong)code << ((16 * (s / 4)) + (3 * (s % 4)));
            block[32 + s] |= (byte)((shifts[g] < 0 ? 8 : 0) << (g % 2 * 4));
            ReadOnlySpan<float> levels = IQ1Codebook.Levels(shifts[g]);
            for (int i = 0; i < GroupSize; i++)
            {
                float level = levels[(points[g] >> (2 * i)) & 3] * ((2 * code) + 1);
                float weighted = factors[(GroupSize * g) + i] * level;
                products += weighted * weights[(GroupSize * g) + i];
                squares += weighted * level;
            }
        }
        if (squares > 0)
            factor = products / squares;
        ulong half = HalfConversion.Narrow(factor * 1.1125f);
        words |= ((half & 0x000F) << 12) | ((half & 0x00F0) << 24) | ((half & 0x0F00) << 36) | ((half & 0xF000) << 48);
        BinaryPrimitives.WriteUInt64LittleEndian(block[48..], words);
    }
}

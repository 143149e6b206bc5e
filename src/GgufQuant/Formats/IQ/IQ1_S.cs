using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>1.56 bits: a scale for 256 weights, a 3-bit one and a shift for 32, a grid point of 2048 for 8.</summary>
/// <remarks>
/// ggml's <c>block_iq1_s</c>, <c>quantize_row_iq1_s_impl</c>, <c>iq1s_grid</c>. Layout: the scale (half), 32 low bytes of
/// point indices, then for each 32 weights a word of four times three high bits of the indices, the 3-bit scale and the
/// shift's sign.
/// </remarks>
internal readonly struct IQ1_S : IIQ1Format
{
    // The bits of a point's index above its low byte.
    private const int HighBits = 0x700;

    public static GgmlType Type => GgmlType.IQ1_S;

    public static string Name => "iq1_s";

    public static int BlockSize => 256;

    public static int BlockBytes => 50;

    public static BlockLayout Layout => new(BlockField.Halves(), BlockField.Data(32), BlockField.Data(8, sizeof(ushort)));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Required;

    static int ICodebookFormat.ScaleRun => 32;

    static float IIQ1Format.Negligible => 1e-12f;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<CodebookDequantizer<IQ1_S>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<IQ1Quantizer<IQ1_S, IQ1_SSums>>(weights, rowLength, importance, blocks);

    static void ICodebookFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        float scale = HalfConversion.Read(in block[0]);
        ulong[] points = IQ1Codebook.Points;
        ReadOnlySpan<byte> low = block.Slice(2, 32);
        ReadOnlySpan<byte> words = block.Slice(34, 16);
        levels = levels[..32];
        scales = scales[..8];
        for (int s = 0; s < 8; s++)
        {
            int word = BinaryPrimitives.ReadUInt16LittleEndian(words[(2 * s)..]);
            scales[s] = scale * ((2 * ((word >> 12) & 7)) + 1) * IQ1Codebook.Delta;
            int down = word >> 15 << 11;
            Span<ulong> groups = levels.Slice(4 * s, 4);
            ReadOnlySpan<byte> indices = low.Slice(4 * s, 4);
            groups[0] = points[indices[0] | ((word << 8) & HighBits) | down];
            groups[1] = points[indices[1] | ((word << 5) & HighBits) | down];
            groups[2] = points[indices[2] | ((word << 2) & HighBits) | down];
            groups[3] = points[indices[3] | ((word >> 1) & HighBits) | down];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IIQ1Format.Pack<TF, TI>(IQ1Batch batch, Span<byte> blocks)
    {
        for (int b = 0; b < batch.Count; b++)
        {
            Pack(
                batch.Codes.Slice(b * 32, 32),
                batch.Shifts.Slice(b * 32, 32),
                batch.Scales.Slice(b * 8, 8),
                blocks.Slice(b * BlockBytes, BlockBytes));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pack(
        ReadOnlySpan<int> points, ReadOnlySpan<int> shifts, ReadOnlySpan<float> scales, Span<byte> block)
    {
        ReadOnlySpan<int> map = Grid.IQ1.Neighbours.Map;
        float maxScale = 0;
        foreach (float scale in scales)
            maxScale = maxScale > scale ? maxScale : scale;
        float factor = maxScale / 15;
        float inverse = 1 / factor;
        if (maxScale != 0)
            HalfConversion.Write(ref block[0], factor * 1.125f);
        for (int s = 0; s < scales.Length; s++)
        {
            int word = 0;
            for (int k = 0; k < 4; k++)
            {
                int point = map[points[(4 * s) + k]];
                block[2 + (4 * s) + k] = (byte)point;
                word |= point >> 8 << (3 * k);
            }
            // All bits of -1 are set, and only the lowest one of 1.
            if (maxScale != 0)
                word |= (IQ1Codebook.ScaleCode(inverse, scales[s]) | (shifts[4 * s] & 8)) << 12;
            BinaryPrimitives.WriteUInt16LittleEndian(block[(34 + (2 * s))..], (ushort)word);
        }
    }
}

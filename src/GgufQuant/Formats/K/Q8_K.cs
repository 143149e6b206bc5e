using System.Buffers.Binary;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>8 bits per weight with one factor per super-block: ggml's format for activations; read only.</summary>
/// <remarks>
/// ggml's <c>block_q8_K</c>. Float factor, 256 signed levels, 16 sums of levels that reading does not need.
/// </remarks>
internal readonly struct Q8_K : IBlockFormat, ILaneDequantizer
{
    public static GgmlType Type => GgmlType.Q8_K;

    public static string Name => "q8_K";

    public static int BlockSize => SuperBlock.Size;

    public static int BlockBytes => 292;

    public static BlockLayout Layout => new(BlockField.Single(), BlockField.Data(256), BlockField.Data(16, sizeof(short)));

    public static bool IsQuantized => true;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<Q8_K>(blocks, weights);

    static void ILaneDequantizer.Dequantize<TF, TI>(ReadOnlySpan<byte> blocks, Span<float> weights)
    {
        for (; !blocks.IsEmpty; blocks = blocks[BlockBytes..], weights = weights[SuperBlock.Size..])
        {
            TF factor = TF.Broadcast(BinaryPrimitives.ReadSingleLittleEndian(blocks));
            ReadOnlySpan<byte> levels = blocks.Slice(sizeof(float), SuperBlock.Size);
            for (int e = 0; e < SuperBlock.Size; e += TF.Count)
            {
                TI level = TI.LoadBytes(in levels[e]) << 24 >> 24;
                (factor * TI.ToFloat(level)).Store(ref weights[e]);
            }
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>6 bits per weight; sixteen sub-blocks of 16 with an eight-bit signed scale each.</summary>
/// <remarks>
/// ggml's <c>block_q6_K</c>, <c>quantize_row_q6_K_ref</c>, <c>quantize_row_q6_K_impl</c>. 128 bytes of the lower four
/// bits (of each 128 weights, those 64 apart share a byte), 64 bytes of the upper two (those 32 apart share a byte), 16
/// scales, half factor.
/// </remarks>
internal readonly struct Q6_K : IQuantizableFormat, IScaleOnlyFormat
{
    private const int HighBitsOffset = SuperBlock.Size / 2;
    private const int ScalesOffset = HighBitsOffset + (SuperBlock.Size / 4);
    private const int SubBlocks = 16;
    private const ulong LowNibbles = 0x0F0F0F0F0F0F0F0F;
    private const ulong LowPairs = 0x0303030303030303;

    public static GgmlType Type => GgmlType.Q6_K;

    public static string Name => "q6_K";

    public static int BlockSize => SuperBlock.Size;

    public static int BlockBytes => 210;

    public static BlockLayout Layout => new(BlockField.Data(128), BlockField.Data(64), BlockField.Data(16), BlockField.Halves());

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int IScaleOnlyFormat.LevelRange => 32;

    static int IScaleOnlyFormat.ScaleRange => 128;

    static bool IScaleOnlyFormat.DescendsWithoutImatrix => false;

    static bool IScaleOnlyFormat.WeighsByVariance => false;

    static bool IScaleOnlyFormat.ClearsNegligible => true;

    static int IScaleOnlyFormat.FactorOffset => 208;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<ScaleOnlyBlocks<Q6_K>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<ScaleOnlyBlocks<Q6_K>>(weights, rowLength, importance, blocks);

    static void IScaleOnlyFormat.PackScales(ReadOnlySpan<sbyte> scales, Span<byte> block) =>
        MemoryMarshal.AsBytes(scales).CopyTo(block[ScalesOffset..]);

    static void IScaleOnlyFormat.UnpackScales(ReadOnlySpan<byte> block, Span<sbyte> scales) =>
        block.Slice(ScalesOffset, SubBlocks).CopyTo(MemoryMarshal.AsBytes(scales));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleOnlyFormat.PackLevels(ReadOnlySpan<byte> levels, Span<byte> block)
    {
        Vector256<ulong> nibble = Vector256.Create(LowNibbles);
        Vector256<ulong> pair = Vector256.Create(LowPairs);
        for (int half = 0; half < 2; half++)
        {
            Vector256<ulong> pairs = Vector256<ulong>.Zero;
            for (int run = 0; run < 2; run++)
            {
                Vector256<ulong> first = Vector256.Create(levels.Slice((128 * half) + (32 * run), 32)).AsUInt64();
                Vector256<ulong> second = Vector256.Create(levels.Slice((128 * half) + 64 + (32 * run), 32)).AsUInt64();
                ((first & nibble) | ((second & nibble) << 4)).AsByte().CopyTo(block[((64 * half) + (32 * run))..]);
                pairs |= (((first >> 4) & pair) | (second & (pair << 4))) << (2 * run);
            }
            pairs.AsByte().CopyTo(block[(HighBitsOffset + (32 * half))..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleOnlyFormat.UnpackLevels<TF, TI>(ref readonly byte block, ref byte levels)
    {
        TI nibble = ByteLanes<TF, TI>.Broadcast(0xF);
        TI pair = ByteLanes<TF, TI>.Broadcast(3);
        for (int half = 0; half < 2; half++)
        {
            for (int i = 0; i < 32; i += ByteLanes<TF, TI>.Count)
            {
                TI first = ByteLanes<TF, TI>.Load(in block, (64 * half) + i);
                TI second = ByteLanes<TF, TI>.Load(in block, (64 * half) + 32 + i);
                TI high = ByteLanes<TF, TI>.Load(in block, HighBitsOffset + (32 * half) + i);
                for (int run = 0; run < 4; run += 2, first >>>= 4, second >>>= 4, high >>>= 4)
                {
                    int at = (128 * half) + (32 * run) + i;
                    ByteLanes<TF, TI>.Store((first & nibble) | ((high & pair) << 4), ref levels, at);
                    ByteLanes<TF, TI>.Store((second & nibble) | (((high >>> 2) & pair) << 4), ref levels, at + 32);
                }
            }
        }
    }
}

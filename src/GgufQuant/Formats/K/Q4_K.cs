using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>4 bits per weight; eight sub-blocks of 32 with a six-bit scale and minimum each.</summary>
/// <remarks>
/// ggml's <c>block_q4_K</c>, <c>quantize_row_q4_K_ref</c>, <c>quantize_row_q4_K_impl</c>. Half factor, half minimum
/// factor, 12 bytes of scales, 128 bytes of levels: two sub-blocks share 32 bytes.
/// </remarks>
internal readonly struct Q4_K : IQuantizableFormat, IScaleMinFormat
{
    private const int LevelsOffset = 4 + SixBitScales.Bytes;
    private const ulong LowNibbles = 0x0F0F0F0F0F0F0F0F;

    public static GgmlType Type => GgmlType.Q4_K;

    public static string Name => "q4_K";

    public static int BlockSize => SuperBlock.Size;

    public static int BlockBytes => 144;

    public static BlockLayout Layout => new(BlockField.Halves(2), BlockField.Data(12), BlockField.Data(128));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int IScaleMinFormat.SubBlockSize => 32;

    static int IScaleMinFormat.MaxLevel => 15;

    static int IScaleMinFormat.MaxScale => 63;

    static ScaleSteps IScaleMinFormat.StepsWithoutImatrix => new(-1f, 0.1f, 20);

    static bool IScaleMinFormat.ErrorsAreAbsoluteWithoutImatrix => false;

    static float IScaleMinFormat.VarianceFactor => 2;

    static int IScaleMinFormat.FactorsOffset => 0;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<ScaleMinBlocks<Q4_K>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<ScaleMinBlocks<Q4_K>>(weights, rowLength, importance, blocks);

    static bool IScaleMinFormat.CapsScales(bool weighted) => !weighted;

    static void IScaleMinFormat.PackScales(ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, Span<byte> block) =>
        SixBitScales.Pack(scales, minimums, block[4..]);

    static void IScaleMinFormat.UnpackScales(ReadOnlySpan<byte> block, Span<byte> scales, Span<byte> minimums) =>
        SixBitScales.Unpack(block[4..], scales, minimums);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleMinFormat.PackLevels(ReadOnlySpan<byte> levels, Span<byte> block)
    {
        ReadOnlySpan<ulong> from = MemoryMarshal.Cast<byte, ulong>(levels);
        Span<ulong> to = MemoryMarshal.Cast<byte, ulong>(block[LevelsOffset..]);
        for (int pair = 0; pair < 4; pair++)
        {
            for (int i = 0; i < 4; i++)
                to[(4 * pair) + i] = from[(8 * pair) + i] | (from[(8 * pair) + i + 4] << 4);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleMinFormat.UnpackLevels<TF, TI>(ref readonly byte block, ref byte levels)
    {
        TI nibble = ByteLanes<TF, TI>.Broadcast(0xF);
        for (int pair = 0; pair < 4; pair++)
        {
            for (int i = 0; i < 32; i += ByteLanes<TF, TI>.Count)
            {
                TI both = ByteLanes<TF, TI>.Load(in block, LevelsOffset + (32 * pair) + i);
                ByteLanes<TF, TI>.Store(both & nibble, ref levels, (64 * pair) + i);
                ByteLanes<TF, TI>.Store((both >>> 4) & nibble, ref levels, (64 * pair) + 32 + i);
            }
        }
    }
}

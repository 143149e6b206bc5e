using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>5 bits per weight; eight sub-blocks of 32 with a six-bit scale and minimum each.</summary>
/// <remarks>
/// ggml's <c>block_q5_K</c>, <c>quantize_row_q5_K_ref</c>, <c>quantize_row_q5_K_impl</c>. As Q4_K, with 32 bytes of fifth
/// bits before the levels: bit j of each belongs to sub-block j.
/// </remarks>
internal readonly struct Q5_K : IQuantizableFormat, IScaleMinFormat
{
    private const int FifthBitsOffset = 4 + SixBitScales.Bytes;
    private const int LevelsOffset = FifthBitsOffset + (SuperBlock.Size / 8);
    private const ulong LowNibbles = 0x0F0F0F0F0F0F0F0F;
    private const ulong LowBits = 0x0101010101010101;

    public static GgmlType Type => GgmlType.Q5_K;

    public static string Name => "q5_K";

    public static int BlockSize => SuperBlock.Size;

    public static int BlockBytes => 176;

    public static BlockLayout Layout => new(BlockField.Halves(2), BlockField.Data(12), BlockField.Data(32), BlockField.Data(128));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int IScaleMinFormat.SubBlockSize => 32;

    static int IScaleMinFormat.MaxLevel => 31;

    static int IScaleMinFormat.MaxScale => 63;

    static ScaleSteps IScaleMinFormat.StepsWithoutImatrix => new(-0.5f, 0.1f, 15);

    static bool IScaleMinFormat.ErrorsAreAbsoluteWithoutImatrix => false;

    static float IScaleMinFormat.VarianceFactor => 2;

    static int IScaleMinFormat.FactorsOffset => 0;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<ScaleMinBlocks<Q5_K>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<ScaleMinBlocks<Q5_K>>(weights, rowLength, importance, blocks);

    static bool IScaleMinFormat.CapsScales(bool weighted) => true;

    static void IScaleMinFormat.PackScales(ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, Span<byte> block) =>
        SixBitScales.Pack(scales, minimums, block[4..]);

    static void IScaleMinFormat.UnpackScales(ReadOnlySpan<byte> block, Span<byte> scales, Span<byte> minimums) =>
        SixBitScales.Unpack(block[4..], scales, minimums);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleMinFormat.PackLevels(ReadOnlySpan<byte> levels, Span<byte> block)
    {
        ReadOnlySpan<ulong> from = MemoryMarshal.Cast<byte, ulong>(levels);
        Span<ulong> fifths = MemoryMarshal.Cast<byte, ulong>(block[FifthBitsOffset..LevelsOffset]);
        Span<ulong> to = MemoryMarshal.Cast<byte, ulong>(block[LevelsOffset..]);
        for (int i = 0; i < 4; i++)
        {
            ulong fifth = 0;
            for (int pair = 0; pair < 4; pair++)
            {
                ulong low = from[(8 * pair) + i];
                ulong high = from[(8 * pair) + i + 4];
                to[(4 * pair) + i] = (low & LowNibbles) | ((high & LowNibbles) << 4);
                fifth |= (((low >> 4) & LowBits) << (2 * pair)) | (((high >> 4) & LowBits) << ((2 * pair) + 1));
            }
            fifths[i] = fifth;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleMinFormat.UnpackLevels<TF, TI>(ref readonly byte block, ref byte levels)
    {
        TI nibble = ByteLanes<TF, TI>.Broadcast(0xF);
        TI bit = ByteLanes<TF, TI>.Broadcast(1);
        for (int i = 0; i < 32; i += ByteLanes<TF, TI>.Count)
        {
            TI fifths = ByteLanes<TF, TI>.Load(in block, FifthBitsOffset + i);
            for (int pair = 0; pair < 4; pair++, fifths >>>= 2)
            {
                TI both = ByteLanes<TF, TI>.Load(in block, LevelsOffset + (32 * pair) + i);
                ByteLanes<TF, TI>.Store((both & nibble) | ((fifths & bit) << 4), ref levels, (64 * pair) + i);
                ByteLanes<TF, TI>.Store(
                    ((both >>> 4) & nibble) | (((fifths >>> 1) & bit) << 4), ref levels, (64 * pair) + 32 + i);
            }
        }
    }
}

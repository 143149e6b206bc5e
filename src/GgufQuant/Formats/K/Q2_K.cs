using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>2 bits per weight; sixteen sub-blocks of 16 with a four-bit scale and minimum each.</summary>
/// <remarks>
/// ggml's <c>block_q2_K</c>, <c>quantize_row_q2_K_ref</c>, <c>quantize_row_q2_K_impl</c>. 16 bytes of scales, 64 bytes of
/// levels, half factor, half minimum factor.
/// </remarks>
internal readonly struct Q2_K : IQuantizableFormat, IScaleMinFormat
{
    private const int SubBlocks = 16;
    private const ulong LowNibbles = 0x0F0F0F0F0F0F0F0F;

    public static GgmlType Type => GgmlType.Q2_K;

    public static string Name => "q2_K";

    public static int BlockSize => SuperBlock.Size;

    public static int BlockBytes => 84;

    public static BlockLayout Layout => new(BlockField.Data(16), BlockField.Data(64), BlockField.Halves(2));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int IScaleMinFormat.SubBlockSize => 16;

    static int IScaleMinFormat.MaxLevel => 3;

    static int IScaleMinFormat.MaxScale => 15;

    static ScaleSteps IScaleMinFormat.StepsWithoutImatrix => new(-0.5f, 0.1f, 15);

    static bool IScaleMinFormat.ErrorsAreAbsoluteWithoutImatrix => true;

    static float IScaleMinFormat.VarianceFactor => 1;

    static int IScaleMinFormat.FactorsOffset => 80;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<ScaleMinBlocks<Q2_K>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<ScaleMinBlocks<Q2_K>>(weights, rowLength, importance, blocks);

    static bool IScaleMinFormat.CapsScales(bool weighted) => false;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleMinFormat.PackScales(ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, Span<byte> block)
    {
        for (int j = 0; j < SubBlocks; j += sizeof(ulong))
        {
            ulong low = BinaryPrimitives.ReadUInt64LittleEndian(scales[j..]);
            ulong high = BinaryPrimitives.ReadUInt64LittleEndian(minimums[j..]);
            BinaryPrimitives.WriteUInt64LittleEndian(block[j..], low | ((high & LowNibbles) << 4));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleMinFormat.UnpackScales(ReadOnlySpan<byte> block, Span<byte> scales, Span<byte> minimums)
    {
        for (int j = 0; j < SubBlocks; j += sizeof(ulong))
        {
            ulong both = BinaryPrimitives.ReadUInt64LittleEndian(block[j..]);
            BinaryPrimitives.WriteUInt64LittleEndian(scales[j..], both & LowNibbles);
            BinaryPrimitives.WriteUInt64LittleEndian(minimums[j..], (both >> 4) & LowNibbles);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleMinFormat.PackLevels(ReadOnlySpan<byte> levels, Span<byte> block)
    {
        for (int half = 0; half < 2; half++)
        {
            Vector256<ulong> pairs = Vector256<ulong>.Zero;
            for (int run = 0; run < 4; run++)
                pairs |= Vector256.Create(levels.Slice((128 * half) + (32 * run), 32)).AsUInt64() << (2 * run);
            pairs.AsByte().CopyTo(block[(SubBlocks + (32 * half))..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleMinFormat.UnpackLevels<TF, TI>(ref readonly byte block, ref byte levels)
    {
        for (int half = 0; half < 2; half++)
        {
            for (int i = 0; i < 32; i += ByteLanes<TF, TI>.Count)
            {
                TI four = ByteLanes<TF, TI>.Load(in block, SubBlocks + (32 * half) + i);
                for (int run = 0; run < 4; run++, four >>>= 2)
                    ByteLanes<TF, TI>.Store(four & ByteLanes<TF, TI>.Broadcast(3), ref levels, (128 * half) + (32 * run) + i);
            }
        }
    }
}

using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>3 bits per weight; sixteen sub-blocks of 16 with a six-bit signed scale each.</summary>
/// <remarks>
/// ggml's <c>block_q3_K</c>, <c>quantize_row_q3_K_ref</c>, <c>quantize_row_q3_K_impl</c>. 32 bytes of third bits (bit j
/// of each belongs to the j-th 32 weights), 64 bytes of the lower two, 12 bytes of scales (low nibbles in the first
/// eight, two high bits each in the last four), half factor.
/// </remarks>
internal readonly struct Q3_K : IQuantizableFormat, IScaleOnlyFormat
{
    private const int LowBitsOffset = SuperBlock.Size / 8;
    private const int ScalesOffset = LowBitsOffset + (SuperBlock.Size / 4);
    private const int SubBlocks = 16;
    private const ulong SignBits = 0x2020202020202020;
    private const ulong LowNibbles = 0x0F0F0F0F0F0F0F0F;
    private const ulong LowPairs = 0x0303030303030303;
    private const ulong LowBits = 0x0101010101010101;

    public static GgmlType Type => GgmlType.Q3_K;

    public static string Name => "q3_K";

    public static int BlockSize => SuperBlock.Size;

    public static int BlockBytes => 110;

    public static BlockLayout Layout => new(BlockField.Data(32), BlockField.Data(64), BlockField.Data(12), BlockField.Halves());

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int IScaleOnlyFormat.LevelRange => 4;

    static int IScaleOnlyFormat.ScaleRange => 32;

    static bool IScaleOnlyFormat.DescendsWithoutImatrix => true;

    static bool IScaleOnlyFormat.WeighsByVariance => true;

    static bool IScaleOnlyFormat.ClearsNegligible => false;

    static int IScaleOnlyFormat.FactorOffset => 108;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<ScaleOnlyBlocks<Q3_K>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<ScaleOnlyBlocks<Q3_K>>(weights, rowLength, importance, blocks);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleOnlyFormat.PackScales(ReadOnlySpan<sbyte> scales, Span<byte> block)
    {
        // The low nibble of each byte and the two bits above it; a scale is stored with 32 added, which flips bit 5.
        ReadOnlySpan<ulong> stored = MemoryMarshal.Cast<sbyte, ulong>(scales[..SubBlocks]);
        ulong first = stored[0] ^ SignBits;
        ulong second = stored[1] ^ SignBits;
        ulong low = (first & LowNibbles) | ((second & LowNibbles) << 4);
        ulong firstHigh = (first >> 4) & LowPairs;
        ulong secondHigh = (second >> 4) & LowPairs;
        ulong high = firstHigh | (firstHigh >> 32 << 2) | (secondHigh << 4) | (secondHigh >> 32 << 6);
        BinaryPrimitives.WriteUInt64LittleEndian(block[ScalesOffset..], low);
        BinaryPrimitives.WriteUInt32LittleEndian(block[(ScalesOffset + 8)..], (uint)high);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleOnlyFormat.UnpackScales(ReadOnlySpan<byte> block, Span<sbyte> scales)
    {
        ulong low = BinaryPrimitives.ReadUInt64LittleEndian(block[ScalesOffset..]);
        ulong high = BinaryPrimitives.ReadUInt32LittleEndian(block[(ScalesOffset + 8)..]);
        ulong spread = high | (high >> 2 << 32);
        Span<ulong> stored = MemoryMarshal.Cast<sbyte, ulong>(scales);
        stored[0] = Widen((low & LowNibbles) | ((spread & LowPairs) << 4));
        stored[1] = Widen(((low >> 4) & LowNibbles) | (((spread >> 4) & LowPairs) << 4));
    }

    // Flips bit 5 back and copies it into the two bits above, which sign-extends each byte.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Widen(ulong stored)
    {
        ulong signs = ~stored & SignBits;
        return (stored ^ SignBits) | (signs << 1) | (signs << 2);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleOnlyFormat.PackLevels(ReadOnlySpan<byte> levels, Span<byte> block)
    {
        Vector256<ulong> thirds = Vector256<ulong>.Zero;
        for (int half = 0; half < 2; half++)
        {
            Vector256<ulong> pairs = Vector256<ulong>.Zero;
            for (int run = 0; run < 4; run++)
            {
                Vector256<ulong> level = Vector256.Create(levels.Slice((128 * half) + (32 * run), 32)).AsUInt64();
                pairs |= (level & Vector256.Create(LowPairs)) << (2 * run);
                thirds |= ((level >> 2) & Vector256.Create(LowBits)) << ((4 * half) + run);
            }
            pairs.AsByte().CopyTo(block[(LowBitsOffset + (32 * half))..]);
        }
        thirds.AsByte().CopyTo(block);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IScaleOnlyFormat.UnpackLevels<TF, TI>(ref readonly byte block, ref byte levels)
    {
        TI pair = ByteLanes<TF, TI>.Broadcast(3);
        TI bit = ByteLanes<TF, TI>.Broadcast(1);
        for (int i = 0; i < 32; i += ByteLanes<TF, TI>.Count)
        {
            TI thirds = ByteLanes<TF, TI>.Load(in block, i);
            for (int half = 0; half < 2; half++)
            {
                TI four = ByteLanes<TF, TI>.Load(in block, LowBitsOffset + (32 * half) + i);
                for (int run = 0; run < 4; run++, four >>>= 2, thirds >>>= 1)
                    ByteLanes<TF, TI>.Store((four & pair) | ((thirds & bit) << 2), ref levels, (128 * half) + (32 * run) + i);
            }
        }
    }
}

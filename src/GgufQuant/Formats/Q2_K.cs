using System.Runtime.CompilerServices;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>2 bits a weight; sixteen sub-blocks of 16 with a four-bit scale and minimum each.</summary>
/// <remarks>16 bytes of scales, 64 bytes of levels, half factor, half minimum factor.</remarks>
public readonly struct Q2_K : IQuantizableFormat, IMinimumFormat
{
    private const int SubBlocks = 16;

    public static GgmlType Type => GgmlType.Q2_K;

    public static string Name => "q2_K";

    public static int BlockSize => SuperBlock.Size;

    public static int BlockBytes => 84;

    public static bool IsQuantized => true;

    public static ImportanceUse Importance => ImportanceUse.Optional;

    static int IMinimumFormat.SubBlockSize => 16;

    static int IMinimumFormat.MaxLevel => 3;

    static int IMinimumFormat.MaxScale => 15;

    static ScaleGrid IMinimumFormat.PlainGrid => new(-0.5f, 0.1f, 15);

    static bool IMinimumFormat.PlainErrorsAreAbsolute => true;

    static float IMinimumFormat.VarianceFactor => 1;

    static int IMinimumFormat.FactorsOffset => 80;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<MinimumBlocks<Q2_K>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<MinimumBlocks<Q2_K>>(weights, rowLength, importance, blocks);

    static bool IMinimumFormat.CapsScales(bool weighted) => false;

    static void IMinimumFormat.PackScales(ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, Span<byte> block)
    {
        for (int j = 0; j < SubBlocks; j++)
            block[j] = (byte)(scales[j] | (minimums[j] << 4));
    }

    static void IMinimumFormat.UnpackScales(ReadOnlySpan<byte> block, Span<byte> scales, Span<byte> minimums)
    {
        for (int j = 0; j < SubBlocks; j++)
        {
            scales[j] = (byte)(block[j] & 0xF);
            minimums[j] = (byte)(block[j] >> 4);
        }
    }

    static void IMinimumFormat.PackLevels(ReadOnlySpan<byte> levels, Span<byte> block) =>
        TwoBitLevels.Pack(levels, block[SubBlocks..]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TI IMinimumFormat.UnpackLevels<TF, TI>(ref readonly byte block, uint first) =>
        TwoBitLevels.Unpack<TF, TI>(in Unsafe.Add(ref Unsafe.AsRef(in block), SubBlocks), first);
}

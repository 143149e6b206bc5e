using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>32 codes of 4 bits, under one half-precision scale and above one minimum.</summary>
public readonly struct Q4_1 : IQuantizableFormat, INibbleFormat
{
    public static GgmlType Type => GgmlType.Q4_1;

    public static string Name => "q4_1";

    public static int BlockSize => 32;

    public static int BlockBytes => (2 * sizeof(ushort)) + 16;

    public static bool IsQuantized => true;

    public static ImportanceUse Importance => ImportanceUse.Optional;

    static int INibbleFormat.CodeBits => 4;

    static bool INibbleFormat.HasMinimum => true;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<NibbleBlocks<Q4_1>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        if (importance.IsEmpty)
            WidestLanes.Quantize<NibbleBlocks<Q4_1>>(weights, rowLength, importance, blocks);
        else
            WidestLanes.Quantize<WeightedNibbleBlocks<Q4_1>>(weights, rowLength, importance, blocks);
    }
}

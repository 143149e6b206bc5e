using System.Runtime.InteropServices;

namespace GgufQuant.Formats;

/// <summary>IEEE 754 single precision.</summary>
internal readonly struct F32 : IQuantizableFormat
{
    public static GgmlType Type => GgmlType.F32;

    public static string Name => "f32";

    public static int BlockSize => 1;

    public static int BlockBytes => sizeof(float);

    public static BlockLayout Layout => new(BlockField.Single());

    public static bool IsQuantized => false;

    public static ImatrixSupport Importance => ImatrixSupport.Ignored;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        blocks.CopyTo(MemoryMarshal.AsBytes(weights));

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        MemoryMarshal.AsBytes(weights).CopyTo(blocks);
}

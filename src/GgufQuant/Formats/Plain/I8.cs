using System.Runtime.InteropServices;

namespace GgufQuant.Formats;

/// <summary>Signed 8-bit integers; converted to floats as in C, since ggml has no conversion.</summary>
internal readonly struct I8 : IBlockFormat
{
    public static GgmlType Type => GgmlType.I8;

    public static string Name => "i8";

    public static int BlockSize => 1;

    public static int BlockBytes => sizeof(sbyte);

    public static BlockLayout Layout => new(BlockField.Data(1));

    public static bool IsQuantized => false;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights)
    {
        ReadOnlySpan<sbyte> values = MemoryMarshal.Cast<byte, sbyte>(blocks);
        for (int i = 0; i < values.Length; i++)
            weights[i] = values[i];
    }
}

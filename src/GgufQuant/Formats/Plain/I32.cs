using System.Runtime.InteropServices;

namespace GgufQuant.Formats;

/// <summary>Signed 32-bit integers; converted to floats as in C, since ggml has no conversion.</summary>
internal readonly struct I32 : IBlockFormat
{
    public static GgmlType Type => GgmlType.I32;

    public static string Name => "i32";

    public static int BlockSize => 1;

    public static int BlockBytes => sizeof(int);

    public static BlockLayout Layout => new(BlockField.Data(1, sizeof(int)));

    public static bool IsQuantized => false;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights)
    {
        ReadOnlySpan<int> values = MemoryMarshal.Cast<byte, int>(blocks);
        for (int i = 0; i < values.Length; i++)
            weights[i] = values[i];
    }
}

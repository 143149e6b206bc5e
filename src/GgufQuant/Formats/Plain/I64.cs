using System.Runtime.InteropServices;

namespace GgufQuant.Formats;

/// <summary>Signed 64-bit integers; converted to floats as in C, since ggml has no conversion.</summary>
internal readonly struct I64 : IBlockFormat
{
    public static GgmlType Type => GgmlType.I64;

    public static string Name => "i64";

    public static int BlockSize => 1;

    public static int BlockBytes => sizeof(long);

    public static BlockLayout Layout => new(BlockField.Data(1, sizeof(long)));

    public static bool IsQuantized => false;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights)
    {
        ReadOnlySpan<long> values = MemoryMarshal.Cast<byte, long>(blocks);
        for (int i = 0; i < values.Length; i++)
            weights[i] = values[i];
    }
}

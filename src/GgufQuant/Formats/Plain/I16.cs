using System.Runtime.InteropServices;

namespace GgufQuant.Formats;

/// <summary>Signed 16-bit integers; converted to floats as in C, since ggml has no conversion.</summary>
internal readonly struct I16 : IBlockFormat
{
    public static GgmlType Type => GgmlType.I16;

    public static string Name => "i16";

    public static int BlockSize => 1;

    public static int BlockBytes => sizeof(short);

    public static BlockLayout Layout => new(BlockField.Data(1, sizeof(short)));

    public static bool IsQuantized => false;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights)
    {
        ReadOnlySpan<short> values = MemoryMarshal.Cast<byte, short>(blocks);
        for (int i = 0; i < values.Length; i++)
            weights[i] = values[i];
    }
}

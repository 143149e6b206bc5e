using System.Runtime.InteropServices;

namespace GgufQuant.Formats;

/// <summary>IEEE 754 double precision; converted to floats as in C, since ggml has no conversion.</summary>
internal readonly struct F64 : IBlockFormat
{
    public static GgmlType Type => GgmlType.F64;

    public static string Name => "f64";

    public static int BlockSize => 1;

    public static int BlockBytes => sizeof(double);

    public static BlockLayout Layout => new(BlockField.Double());

    public static bool IsQuantized => false;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights)
    {
        ReadOnlySpan<double> values = MemoryMarshal.Cast<byte, double>(blocks);
        for (int i = 0; i < values.Length; i++)
            weights[i] = (float)values[i];
    }
}

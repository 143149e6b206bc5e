using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>4.25 bits: a scale for 256 weights, a 6-bit one and sixteen nonlinear levels for 32.</summary>
/// <remarks>
/// ggml's <c>block_iq4_xs</c>, <c>quantize_row_iq4_nl_impl</c>. Layout: the scale (half), a word of the 6-bit scales'
/// high pairs of bits, their low halves, then for each 32 weights 16 bytes of the first sixteen codes below the last
/// sixteen.
/// </remarks>
internal readonly struct IQ4_XS : INonlinearFormat
{
    public static GgmlType Type => GgmlType.IQ4_XS;

    public static string Name => "iq4_xs";

    public static int BlockSize => 256;

    public static int BlockBytes => 136;

    public static BlockLayout Layout => new(BlockField.Halves(), BlockField.Data(1, sizeof(ushort)), BlockField.Data(4), BlockField.Data(128));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int ICodebookFormat.ScaleRun => 32;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<CodebookDequantizer<IQ4_XS>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<NonlinearQuantizer<IQ4_XS>>(weights, rowLength, importance, blocks);

    static void ICodebookFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        float scale = HalfConversion.Read(in block[0]);
        int high = BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);
        for (int s = 0; s < scales.Length; s++)
        {
            int low = (block[4 + (s / 2)] >> (s % 2 * 4)) & 15;
            scales[s] = scale * ((low | (((high >> (2 * s)) & 3) << 4)) - 32);
            NonlinearLevels.Unpack(block[(8 + (16 * s))..], levels[(4 * s)..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void INonlinearFormat.Pack<TF, TI>(ReadOnlySpan<float> weights, ReadOnlySpan<float> scales, Span<byte> block)
    {
        float greatest = 0;
        foreach (float scale in scales)
            greatest = Math.Abs(scale) > Math.Abs(greatest) ? scale : greatest;
        float factor = -greatest / 32;
        HalfConversion.Write(ref block[0], factor);
        float inverse = factor != 0 ? 1 / factor : 0;
        int high = 0;
        block.Slice(4, 4).Clear();
        for (int s = 0; s < scales.Length; s++)
        {
            int code = Math.Clamp(ScalarMath.NearestInt(inverse * scales[s]), -32, 31);
            float scale = factor * code;
            NonlinearLevels.Pack<TF, TI>(weights.Slice(32 * s, 32), scale != 0 ? 1 / scale : 0, block[(8 + (16 * s))..]);
            code += 32;
            block[4 + (s / 2)] |= (byte)((code & 15) << (s % 2 * 4));
            high |= code >> 4 << (2 * s);
        }
        BinaryPrimitives.WriteUInt16LittleEndian(block[2..], (ushort)high);
    }
}

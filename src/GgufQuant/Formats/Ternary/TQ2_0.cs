using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>256 ternary weights in two bits each, under one half-precision scale at the block's end.</summary>
/// <remarks>ggml's <c>block_tq2_0</c>, <c>quantize_row_tq2_0_ref</c>.</remarks>
internal readonly struct TQ2_0 : IQuantizableFormat, IBlockCodec
{
    private const int CodeBytes = 64;
    private const int Stride = 32;

    public static GgmlType Type => GgmlType.TQ2_0;

    public static string Name => "tq2_0";

    public static int BlockSize => 256;

    public static int BlockBytes => CodeBytes + sizeof(ushort);

    public static BlockLayout Layout => new(BlockField.Data(64), BlockField.Halves());

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Ignored;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<BlockTraversal<TQ2_0>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<BlockTraversal<TQ2_0>>(weights, rowLength, importance, blocks);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockCodec.QuantizeBlock<TFloats, TInts>(ref readonly float weights, ref byte block)
    {
        float scale = BlockLanes<TFloats, TInts>.MaxMagnitude(in weights, BlockSize);
        TFloats inverse = TFloats.Broadcast(scale != 0 ? 1 / scale : 0);
        HalfConversion.Write(ref Unsafe.Add(ref block, CodeBytes), scale);
        for (int i = 0; i < CodeBytes; i += TFloats.Count)
        {
            int first = (i / Stride * 4 * Stride) + (i % Stride);
            TInts packed = TInts.Broadcast(0);
            for (int n = 0; n < 4; n++)
            {
                TFloats scaled = BlockLanes<TFloats, TInts>.At(in weights, first + (n * Stride)) * inverse;
                TInts code = BlockLanes<TFloats, TInts>.Round(scaled) + TInts.Broadcast(1);
                packed |= (code & TInts.Broadcast(3)) << (2 * n);
            }
            packed.StoreBytes(ref Unsafe.Add(ref block, i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockCodec.DequantizeBlock<TFloats, TInts>(ref readonly byte block, ref float weights)
    {
        ref byte codes = ref Unsafe.AsRef(in block);
        TFloats scale = TFloats.Broadcast(HalfConversion.Read(in Unsafe.Add(ref codes, CodeBytes)));
        for (int i = 0; i < CodeBytes; i += TFloats.Count)
        {
            int first = (i / Stride * 4 * Stride) + (i % Stride);
            TInts packed = TInts.LoadBytes(in Unsafe.Add(ref codes, i));
            for (int n = 0; n < 4; n++)
            {
                TInts code = (packed >>> (2 * n)) & TInts.Broadcast(3);
                (TInts.ToFloat(code - TInts.Broadcast(1)) * scale).Store(ref Unsafe.Add(ref weights, first + (n * Stride)));
            }
        }
    }
}

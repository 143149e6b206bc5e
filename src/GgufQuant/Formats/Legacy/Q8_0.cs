using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>32 signed bytes under one half-precision scale.</summary>
/// <remarks>ggml's <c>block_q8_0</c>, <c>quantize_row_q8_0_ref</c>.</remarks>
internal readonly struct Q8_0 : IQuantizableFormat, IBlockCodec
{
    public static GgmlType Type => GgmlType.Q8_0;

    public static string Name => "q8_0";

    public static int BlockSize => 32;

    public static int BlockBytes => sizeof(ushort) + 32;

    public static BlockLayout Layout => new(BlockField.Halves(), BlockField.Data(32));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Ignored;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<BlockTraversal<Q8_0>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<BlockTraversal<Q8_0>>(weights, rowLength, importance, blocks);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockCodec.QuantizeBlock<TFloats, TInts>(ref readonly float weights, ref byte block)
    {
        float scale = BlockLanes<TFloats, TInts>.MaxMagnitude(in weights, BlockSize) / 127;
        TFloats inverse = TFloats.Broadcast(scale != 0 ? 1 / scale : 0);
        HalfConversion.Write(ref block, scale);
        for (int i = 0; i < BlockSize; i += TFloats.Count)
        {
            BlockLanes<TFloats, TInts>.Round(BlockLanes<TFloats, TInts>.At(in weights, i) * inverse)
                .StoreBytes(ref Unsafe.Add(ref block, sizeof(ushort) + i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockCodec.DequantizeBlock<TFloats, TInts>(ref readonly byte block, ref float weights)
    {
        TFloats scale = TFloats.Broadcast(HalfConversion.Read(in block));
        for (int i = 0; i < BlockSize; i += TFloats.Count)
        {
            TInts code = TInts.LoadSBytes(in Unsafe.As<byte, sbyte>(ref Unsafe.Add(ref Unsafe.AsRef(in block), sizeof(ushort) + i)));
            (TInts.ToFloat(code) * scale).Store(ref Unsafe.Add(ref weights, i));
        }
    }
}

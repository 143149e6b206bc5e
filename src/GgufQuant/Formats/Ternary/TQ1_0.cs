using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>256 ternary weights, five to a byte as a fraction in base three, under one half-precision scale at the block's end.</summary>
/// <remarks>
/// ggml's <c>block_tq1_0</c>, <c>quantize_row_tq1_0_ref</c>. A byte holds ⌈code · 256 / 3⁵⌉, so that multiplying by three
/// carries out its first ternary digit. The digits of a byte lie a stride apart: 32 bytes of five digits, 16 of five, 4 of
/// four.
/// </remarks>
internal readonly struct TQ1_0 : IQuantizableFormat, IBlockCodec
{
    private const int CodeBytes = 52;

    public static GgmlType Type => GgmlType.TQ1_0;

    public static string Name => "tq1_0";

    public static int BlockSize => 256;

    public static int BlockBytes => CodeBytes + sizeof(ushort);

    public static BlockLayout Layout => new(BlockField.Data(52), BlockField.Halves());

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Ignored;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<BlockTraversal<TQ1_0>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<BlockTraversal<TQ1_0>>(weights, rowLength, importance, blocks);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockCodec.QuantizeBlock<TFloats, TInts>(ref readonly float weights, ref byte block)
    {
        float scale = BlockLanes<TFloats, TInts>.MaxMagnitude(in weights, BlockSize);
        float inverse = scale != 0 ? 1 / scale : 0;
        HalfConversion.Write(ref Unsafe.Add(ref block, CodeBytes), scale);
        ref float source = ref Unsafe.AsRef(in weights);
        Pack<TFloats, TInts>(ref source, ref block, 32, 5, inverse);
        Pack<TFloats, TInts>(ref Unsafe.Add(ref source, 160), ref Unsafe.Add(ref block, 32), 16, 5, inverse);
        if (TFloats.Count > FloatLanes128.Count)
            Pack<FloatLanes128, IntLanes128>(ref Unsafe.Add(ref source, 240), ref Unsafe.Add(ref block, 48), 4, 4, inverse);
        else
            Pack<TFloats, TInts>(ref Unsafe.Add(ref source, 240), ref Unsafe.Add(ref block, 48), 4, 4, inverse);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockCodec.DequantizeBlock<TFloats, TInts>(ref readonly byte block, ref float weights)
    {
        ref byte codes = ref Unsafe.AsRef(in block);
        float scale = HalfConversion.Read(in Unsafe.Add(ref codes, CodeBytes));
        Unpack<TFloats, TInts>(ref codes, ref weights, 32, 5, scale);
        Unpack<TFloats, TInts>(ref Unsafe.Add(ref codes, 32), ref Unsafe.Add(ref weights, 160), 16, 5, scale);
        Unpack<FloatLane, IntLane>(ref Unsafe.Add(ref codes, 48), ref Unsafe.Add(ref weights, 240), 4, 4, scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pack<TFloats, TInts>(ref float weights, ref byte codes, int stride, int digits, float inverse)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        for (int i = 0; i < stride; i += TFloats.Count)
        {
            TInts number = TInts.Broadcast(0);
            for (int n = 0; n < digits; n++)
            {
                TFloats scaled = BlockLanes<TFloats, TInts>.At(in weights, i + (n * stride)) * TFloats.Broadcast(inverse);
                number = (number * TInts.Broadcast(3)) + BlockLanes<TFloats, TInts>.Round(scaled) + TInts.Broadcast(1);
            }
            if (digits == 4)
                number *= TInts.Broadcast(3);
            // ⌈n · 256 / 243⌉ = (n · 69042 + 65535) / 2¹⁶ for every byte n.
            number &= TInts.Broadcast(0xFF);
            (((number * TInts.Broadcast(69042)) + TInts.Broadcast(65535)) >>> 16).StoreBytes(ref Unsafe.Add(ref codes, i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Unpack<TFloats, TInts>(ref byte codes, ref float weights, int stride, int digits, float scale)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        for (int i = 0; i < stride; i += TFloats.Count)
        {
            TInts rest = TInts.LoadBytes(in Unsafe.Add(ref codes, i));
            for (int n = 0; n < digits; n++)
            {
                TInts carried = rest * TInts.Broadcast(3);
                TFloats digit = TInts.ToFloat((carried >>> 8) - TInts.Broadcast(1));
                (digit * TFloats.Broadcast(scale)).Store(ref Unsafe.Add(ref weights, i + (n * stride)));
                rest = carried & TInts.Broadcast(0xFF);
            }
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>64 weights in two bits each, −1 to 2 times one half-precision scale, the greatest magnitude.</summary>
/// <remarks>ggml's <c>block_q2_0</c>, <c>quantize_row_q2_0_ref</c>.</remarks>
internal readonly struct Q2_0 : IQuantizableFormat, IBlockCodec
{
    public static GgmlType Type => GgmlType.Q2_0;

    public static string Name => "q2_0";

    public static int BlockSize => 64;

    public static int BlockBytes => sizeof(ushort) + 16;

    public static BlockLayout Layout => new(BlockField.Halves(), BlockField.Data(16));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Ignored;

    // Where each lane's code begins in a word of sixteen.
    private static ReadOnlySpan<int> EvenBits =>
    [
        1, 1 << 2, 1 << 4, 1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14,
        1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26, 1 << 28, 1 << 30,
    ];

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<BlockTraversal<Q2_0>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<BlockTraversal<Q2_0>>(weights, rowLength, importance, blocks);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockCodec.QuantizeBlock<TFloats, TInts>(ref readonly float weights, ref byte block)
    {
        float scale = BlockLanes<TFloats, TInts>.MaxMagnitude(in weights, BlockSize);
        TFloats inverse = TFloats.Broadcast(scale > 0 ? 1 / scale : 0);
        HalfConversion.Write(ref block, scale);
        Span<byte> codes = stackalloc byte[BlockSize];
        for (int i = 0; i < BlockSize; i += TFloats.Count)
        {
            TInts code = BlockLanes<TFloats, TInts>.Round(BlockLanes<TFloats, TInts>.At(in weights, i) * inverse) + TInts.Broadcast(1);
            TInts.Min(TInts.Max(code, TInts.Broadcast(0)), TInts.Broadcast(3)).StoreBytes(ref codes[i]);
        }
        ref int quadruples = ref Unsafe.As<byte, int>(ref codes[0]);
        for (int i = 0; i < BlockSize / 4; i += TFloats.Count)
        {
            // Four bytes of two bits each are gathered in the highest: the factor's bits lie 6 apart, the bytes 8.
            TInts packed = (TInts.Load(in Unsafe.Add(ref quadruples, i)) * TInts.Broadcast(0x01041040)) >>> 24;
            packed.StoreBytes(ref Unsafe.Add(ref block, sizeof(ushort) + i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockCodec.DequantizeBlock<TFloats, TInts>(ref readonly byte block, ref float weights)
    {
        TFloats scale = TFloats.Broadcast(HalfConversion.Read(in block));
        TInts even = TInts.Load(in MemoryMarshal.GetReference(EvenBits));
        TInts odd = even << 1;
        for (int start = 0; start < BlockSize; start += 16)
        {
            uint codes = Unsafe.ReadUnaligned<uint>(in Unsafe.Add(ref Unsafe.AsRef(in block), sizeof(ushort) + (start / 4)));
            for (int i = 0; i < 16; i += TFloats.Count)
            {
                TInts bits = TInts.Broadcast((int)(codes >> (2 * i)));
                TInts code = (TInts.Equal(bits & even, even) & TInts.Broadcast(1)) | (TInts.Equal(bits & odd, odd) & TInts.Broadcast(2));
                (TInts.ToFloat(code - TInts.Broadcast(1)) * scale).Store(ref Unsafe.Add(ref weights, start + i));
            }
        }
    }
}

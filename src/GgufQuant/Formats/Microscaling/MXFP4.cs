using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>OCP microscaling: 32 4-bit floats under one power of two.</summary>
/// <remarks>ggml's <c>block_mxfp4</c>, <c>quantize_row_mxfp4_ref</c>.</remarks>
internal readonly struct MXFP4 : IQuantizableFormat, IBlockCodec
{
    private const int Half = 16;

    public static GgmlType Type => GgmlType.MXFP4;

    public static string Name => "mxfp4";

    public static int BlockSize => 32;

    public static int BlockBytes => 1 + Half;

    public static BlockLayout Layout => new(BlockField.E8M0(), BlockField.Data(16));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Ignored;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<BlockTraversal<MXFP4>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<BlockTraversal<MXFP4>>(weights, rowLength, importance, blocks);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockCodec.QuantizeBlock<TFloats, TInts>(ref readonly float weights, ref byte block)
    {
        float max = BlockLanes<TFloats, TInts>.MaxMagnitude(in weights, BlockSize);
        // The element format's greatest exponent is 2. Below 2^-125 the byte wraps, as it does in ggml.
        byte exponent = max > 0 ? unchecked((byte)(FloorOfLog2(max) - 2 + 127)) : (byte)0;
        float scale = HalfOfPower(exponent);
        block = exponent;
        for (int i = 0; i < Half; i += TFloats.Count)
        {
            TInts low = E2M1<TFloats, TInts>.Encode(BlockLanes<TFloats, TInts>.At(in weights, i), scale);
            TInts high = E2M1<TFloats, TInts>.Encode(BlockLanes<TFloats, TInts>.At(in weights, i + Half), scale);
            (low | (high << 4)).StoreBytes(ref Unsafe.Add(ref block, 1 + i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockCodec.DequantizeBlock<TFloats, TInts>(ref readonly byte block, ref float weights)
    {
        TFloats scale = TFloats.Broadcast(HalfOfPower(block));
        for (int i = 0; i < Half; i += TFloats.Count)
        {
            TInts codes = TInts.LoadBytes(in Unsafe.Add(ref Unsafe.AsRef(in block), 1 + i));
            (E2M1<TFloats, TInts>.Decode(codes) * scale).Store(ref Unsafe.Add(ref weights, i));
            (E2M1<TFloats, TInts>.Decode(codes >>> 4) * scale).Store(ref Unsafe.Add(ref weights, i + Half));
        }
    }

    /// <summary>2 to the stored exponent minus its bias of 127, halved because the codes count in halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float HalfOfPower(byte exponent) =>
        BitConverter.Int32BitsToSingle(exponent < 2 ? 0x00200000 << exponent : (exponent - 1) << 23);

    /// <summary><c>floorf(log2f(value))</c>: a value just below a power of two counts as that power if its logarithm rounds to it.</summary>
    /// <remarks>
    /// The logarithm rounds up if it falls short of the integer by less than half the spacing of floats there. To first
    /// order it falls short by <c>shortfall · 2^-24 / ln 2</c>; no shortfall is so close to a boundary that the second
    /// order, or the last bit of a C library's logarithm, could decide.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int FloorOfLog2(float value)
    {
        const float SmallestNormal = 1.17549435e-38f;
        int unscale = 0;
        if (value < SmallestNormal)
        {
            value *= 1 << 24;
            unscale = -24;
        }
        int bits = BitConverter.SingleToInt32Bits(value);
        int next = (bits >> 23) - 127 + 1 + unscale;
        int shortfall = 0x00800000 - (bits & 0x007FFFFF);
        float halfSpacing = (next - MathF.BitDecrement(next)) / 2;
        const float LogarithmToShortfall = 0.6931472f * (1 << 24);
        return shortfall < halfSpacing * LogarithmToShortfall ? next : next - 1;
    }
}

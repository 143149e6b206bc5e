using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>NVIDIA's microscaling: 64 4-bit floats, every sixteen under an unsigned 8-bit float.</summary>
/// <remarks>ggml's <c>block_nvfp4</c>, <c>quantize_row_nvfp4_ref</c>.</remarks>
internal readonly struct NVFP4 : IQuantizableFormat, IBlockCodec
{
    private const int SubBlockSize = 16;
    private const int SubBlocks = 4;
    private const float MaxScale = 448;
    private const byte MaxScaleCode = 0x7E;

    public static GgmlType Type => GgmlType.NVFP4;

    public static string Name => "nvfp4";

    public static int BlockSize => SubBlocks * SubBlockSize;

    public static int BlockBytes => SubBlocks + (BlockSize / 2);

    public static BlockLayout Layout => new(BlockField.Data(4), BlockField.Data(32));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Ignored;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<BlockTraversal<NVFP4>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<BlockTraversal<NVFP4>>(weights, rowLength, importance, blocks);

    static void IBlockCodec.QuantizeBlock<TFloats, TInts>(ref readonly float weights, ref byte block)
    {
        Span<byte> codes = stackalloc byte[SubBlockSize];
        for (int sub = 0; sub < SubBlocks; sub++)
        {
            ref float source = ref Unsafe.Add(ref Unsafe.AsRef(in weights), sub * SubBlockSize);
            // 6 is the greatest 4-bit float.
            byte scale = EncodeScale(BlockLanes<TFloats, TInts>.MaxMagnitude(in source, SubBlockSize) / 6);
            Unsafe.Add(ref block, sub) = scale;
            for (int i = 0; i < SubBlockSize; i += TFloats.Count)
                E2M1<TFloats, TInts>.Encode(BlockLanes<TFloats, TInts>.At(in source, i), DecodeScale(scale)).StoreBytes(ref codes[i]);
            ulong low = BinaryPrimitives.ReadUInt64LittleEndian(codes);
            ulong high = BinaryPrimitives.ReadUInt64LittleEndian(codes[(SubBlockSize / 2)..]);
            Unsafe.WriteUnaligned(ref NibblesOf(ref block, sub), low | (high << 4));
        }
    }

    static void IBlockCodec.DequantizeBlock<TFloats, TInts>(ref readonly byte block, ref float weights)
    {
        Span<byte> codes = stackalloc byte[BlockSize];
        for (int sub = 0; sub < SubBlocks; sub++)
        {
            ulong nibbles = Unsafe.ReadUnaligned<ulong>(in NibblesOf(ref Unsafe.AsRef(in block), sub));
            BinaryPrimitives.WriteUInt64LittleEndian(codes[(sub * SubBlockSize)..], nibbles);
            BinaryPrimitives.WriteUInt64LittleEndian(codes[((sub * SubBlockSize) + (SubBlockSize / 2))..], nibbles >> 4);
        }
        for (int i = 0; i < BlockSize; i += TFloats.Count)
        {
            TFloats scale = TFloats.Broadcast(DecodeScale(Unsafe.Add(ref Unsafe.AsRef(in block), i / SubBlockSize)));
            (E2M1<TFloats, TInts>.Decode(TInts.LoadBytes(in codes[i])) * scale).Store(ref Unsafe.Add(ref weights, i));
        }
    }

    private static ref byte NibblesOf(ref byte block, int sub) => ref Unsafe.Add(ref block, SubBlocks + (sub * SubBlockSize / 2));

    /// <summary>A positive float as four bits of exponent and three of mantissa, halves rounded up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static byte EncodeScale(float value)
    {
        if (!(value > 0))
            return 0;
        value = MathF.Min(value, MaxScale);
        int bits = BitConverter.SingleToInt32Bits(value);
        int exponent = (bits >> 23) - 127 + 7;
        if (exponent <= 0)
            return (byte)Math.Min((int)((value * 512) + 0.5f), 7);
        int code = ((exponent << 3) | ((bits >> 20) & 7)) + ((bits >> 19) & 1);
        // ggml maps the whole highest exponent, 256 and up, to the greatest code.
        return (byte)(code >= 15 << 3 ? MaxScaleCode : code);
    }

    /// <summary>The scale, halved because the codes count in halves; the format's NaN reads as zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float DecodeScale(byte code)
    {
        if (code is 0 or 0x7F)
            return 0;
        int exponent = (code >> 3) & 0xF;
        int mantissa = code & 7;
        // 2^-10 is half the smallest step; a normal number has its exponent rebiased to a float's, minus one for the half.
        return exponent == 0
            ? mantissa / 1024f
            : BitConverter.Int32BitsToSingle(((exponent - 7 + 127 - 1) << 23) | (mantissa << 20));
    }
}

using System.Runtime.CompilerServices;

namespace GgufQuant.Kernels;

/// <summary>Makes and reads blocks of an <see cref="INibbleFormat"/>: weight <c>i</c> in a low nibble, <c>i + 16</c> in the high one.</summary>
internal readonly struct NibbleBlocks<TFormat> : IBlockCodec
    where TFormat : struct, INibbleFormat
{
    /// <summary>Half a block: weights that share a byte lie so far apart.</summary>
    public const int Half = 16;

    public static Formats.GgmlType Type => TFormat.Type;

    public static string Name => TFormat.Name;

    public static int BlockSize => TFormat.BlockSize;

    public static int BlockBytes => TFormat.BlockBytes;

    public static bool IsQuantized => TFormat.IsQuantized;

    /// <summary>Where the fifth bits are, if any.</summary>
    public static int HeaderBytes => TFormat.HasMinimum ? 2 * sizeof(ushort) : sizeof(ushort);

    /// <summary>Where the nibbles are.</summary>
    public static int NibblesAt => HeaderBytes + (TFormat.CodeBits == 5 ? sizeof(uint) : 0);

    /// <summary>The greatest code; the least is 0.</summary>
    public static int MaxCode => (1 << TFormat.CodeBits) - 1;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<BlockTraversal<NibbleBlocks<TFormat>>>(blocks, weights);

    public static void Quantize(ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        if (importance.IsEmpty)
            WidestLanes.Quantize<BlockTraversal<NibbleBlocks<TFormat>>>(weights, rowLength, importance, blocks);
        else
            WidestLanes.Quantize<WeightedNibbleBlocks<TFormat>>(weights, rowLength, importance, blocks);
    }

    public static void QuantizeBlock<TFloats, TInts>(ref readonly float weights, ref byte block)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        float scale;
        float min;
        float offset;
        if (TFormat.HasMinimum)
        {
            (min, float max) = BlockLanes<TFloats, TInts>.Range(in weights, BlockSize);
            scale = (max - min) / MaxCode;
            offset = 0.5f;
            HalfConversion.Write(ref Unsafe.Add(ref block, sizeof(ushort)), min);
        }
        else
        {
            min = 0;
            int zeroCode = 1 << (TFormat.CodeBits - 1);
            scale = BlockLanes<TFloats, TInts>.FirstOfMaxMagnitude(in weights, BlockSize) / -zeroCode;
            offset = zeroCode + 0.5f;
        }
        HalfConversion.Write(ref block, scale);
        Encoder<TFloats, TInts> encoder = new(scale != 0 ? 1 / scale : 0, min, offset);
        uint fifthBits = 0;
        for (int i = 0; i < Half; i += TFloats.Count)
        {
            TInts low = encoder.Encode(BlockLanes<TFloats, TInts>.At(in weights, i));
            TInts high = encoder.Encode(BlockLanes<TFloats, TInts>.At(in weights, i + Half));
            ((low & TInts.Broadcast(0xF)) | (high << 4)).StoreBytes(ref Unsafe.Add(ref block, NibblesAt + i));
            fifthBits |= FifthBits<TFloats, TInts>(low) << i;
            fifthBits |= FifthBits<TFloats, TInts>(high) << (i + Half);
        }
        if (TFormat.CodeBits == 5)
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref block, HeaderBytes), fifthBits);
    }

    public static void DequantizeBlock<TFloats, TInts>(ref readonly byte block, ref float weights)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        ref byte start = ref Unsafe.AsRef(in block);
        TFloats scale = TFloats.Broadcast(HalfConversion.Read(in block));
        TFloats min = TFloats.Broadcast(TFormat.HasMinimum ? HalfConversion.Read(in Unsafe.Add(ref start, sizeof(ushort))) : 0);
        uint fifthBits = TFormat.CodeBits == 5 ? Unsafe.ReadUnaligned<uint>(in Unsafe.Add(ref start, HeaderBytes)) : 0;
        for (int i = 0; i < Half; i += TFloats.Count)
        {
            TInts nibbles = TInts.LoadBytes(in Unsafe.Add(ref start, NibblesAt + i));
            TInts low = WithFifthBit<TFloats, TInts>(nibbles & TInts.Broadcast(0xF), fifthBits >> i);
            TInts high = WithFifthBit<TFloats, TInts>(nibbles >>> 4, fifthBits >> (i + Half));
            Decode(low, scale, min).Store(ref Unsafe.Add(ref weights, i));
            Decode(high, scale, min).Store(ref Unsafe.Add(ref weights, i + Half));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static TFloats Decode(TInts code, TFloats scale, TFloats min) => TFormat.HasMinimum
            ? (TInts.ToFloat(code) * scale) + min
            : TInts.ToFloat(code - TInts.Broadcast(1 << (TFormat.CodeBits - 1))) * scale;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint FifthBits<TFloats, TInts>(TInts codes)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats> =>
        TFormat.CodeBits == 5 ? TInts.MaskBits(TInts.GreaterThan(codes & TInts.Broadcast(0x10), TInts.Broadcast(0))) : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInts WithFifthBit<TFloats, TInts>(TInts nibbles, uint bits)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats> =>
        TFormat.CodeBits == 5 ? nibbles | (BlockLanes<TFloats, TInts>.MaskOf(bits) & TInts.Broadcast(0x10)) : nibbles;

    /// <summary>A weight to its code, in C's steps on x86: truncated to an int, then to a signed byte.</summary>
    private readonly struct Encoder<TFloats, TInts>(float inverse, float min, float offset)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        private readonly TFloats _inverse = TFloats.Broadcast(inverse);
        private readonly TFloats _min = TFloats.Broadcast(min);
        private readonly TFloats _offset = TFloats.Broadcast(offset);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TInts Encode(TFloats weights)
        {
            TFloats relative = TFormat.HasMinimum ? weights - _min : weights;
            TInts code = TFloats.Truncate((relative * _inverse) + _offset);
            return TInts.Min((code << 24) >> 24, TInts.Broadcast(MaxCode));
        }
    }
}

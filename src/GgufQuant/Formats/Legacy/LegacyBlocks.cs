using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Quantizes to and dequantizes from an <see cref="ILegacyFormat"/>: weight <c>i</c> in a low nibble, <c>i + 16</c> in the high one.</summary>
/// <remarks>
/// The scales of one block per lane are computed side by side; the weights have the lanes along the block.
/// </remarks>
internal readonly struct LegacyBlocks<TFormat> : ILaneQuantizer, ILaneDequantizer
    where TFormat : struct, ILegacyFormat
{
    /// <summary>Weights per block.</summary>
    public const int Size = 32;

    /// <summary>Half a block: the distance between weights that share a byte.</summary>
    public const int Half = Size / 2;

    /// <summary>Offset of the fifth bits, if any.</summary>
    public static int FifthBitsOffset
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.HasMinimum ? 2 * sizeof(ushort) : sizeof(ushort);
    }

    /// <summary>Offset of the nibbles.</summary>
    public static int NibblesOffset
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => FifthBitsOffset + (TFormat.CodeBits == 5 ? sizeof(uint) : 0);
    }

    /// <summary>The greatest code; the least is 0.</summary>
    public static int MaxCode
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (1 << TFormat.CodeBits) - 1;
    }

    /// <summary>The code of zero in a format without a minimum.</summary>
    public static int ZeroCode
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1 << (TFormat.CodeBits - 1);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize<TF, TI>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<float> minimums = stackalloc float[TF.Count];
        Span<float> inverses = stackalloc float[TF.Count];
        Span<int> headers = stackalloc int[TF.Count];
        while (!weights.IsEmpty)
        {
            int count = Math.Min(TF.Count, weights.Length / Size);
            Scale<TF, TI>(in weights[0], count, minimums, inverses, headers);
            for (int b = 0; b < count; b++)
            {
                ref byte block = ref blocks[b * TFormat.BlockBytes];
                if (TFormat.HasMinimum)
                    Unsafe.WriteUnaligned(ref block, headers[b]);
                else
                    Unsafe.WriteUnaligned(ref block, (ushort)headers[b]);
                Encode<TF, TI>(in weights[b * Size], minimums[b], inverses[b], ref block);
            }
            weights = weights[(count * Size)..];
            blocks = blocks[(count * TFormat.BlockBytes)..];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dequantize<TF, TI>(ReadOnlySpan<byte> blocks, Span<float> weights)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int count = blocks.Length / TFormat.BlockBytes;
        ref byte block = ref MemoryMarshal.GetReference(blocks);
        ref float destination = ref MemoryMarshal.GetReference(weights[..(count * Size)]);
        for (int b = 0; b < count; b++)
        {
            TF scale = TF.Broadcast(HalfConversion.Read(in block));
            TF min = TF.Broadcast(TFormat.HasMinimum ? HalfConversion.Read(in Unsafe.Add(ref block, sizeof(ushort))) : 0);
            uint fifthBits = TFormat.CodeBits == 5 ? Unsafe.ReadUnaligned<uint>(in Unsafe.Add(ref block, FifthBitsOffset)) : 0;
            for (int i = 0; i < Half; i += TF.Count)
            {
                TI nibbles = TI.LoadBytes(in Unsafe.Add(ref block, NibblesOffset + i));
                TI low = WithFifthBit<TF, TI>(nibbles & TI.Broadcast(0xF), fifthBits >> i);
                TI high = WithFifthBit<TF, TI>(nibbles >>> 4, fifthBits >> (i + Half));
                Decode<TF, TI>(low, scale, min).Store(ref Unsafe.Add(ref destination, i));
                Decode<TF, TI>(high, scale, min).Store(ref Unsafe.Add(ref destination, i + Half));
            }
            block = ref Unsafe.Add(ref block, TFormat.BlockBytes);
            destination = ref Unsafe.Add(ref destination, Size);
        }
    }

    /// <summary>The halves at the start of each block, the value its weights are measured from, and the inverse of its scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale<TF, TI>(
        ref readonly float weights, int count, Span<float> minimums, Span<float> inverses, Span<int> headers)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<float> extremes = inverses;
        for (int b = 0; b < count; b++)
        {
            ref float block = ref Unsafe.Add(ref Unsafe.AsRef(in weights), b * Size);
            if (TFormat.HasMinimum)
                (minimums[b], extremes[b]) = BlockLanes<TF, TI>.Range(in block, Size);
            else
                extremes[b] = BlockLanes<TF, TI>.FirstOfMaxMagnitude(in block, Size);
        }
        TF extreme = TF.Load(in extremes[0]);
        TF min = TFormat.HasMinimum ? TF.Load(in minimums[0]) : TF.Broadcast(0);
        TF scale = TFormat.HasMinimum ? (extreme - min) / TF.Broadcast(MaxCode) : extreme / TF.Broadcast(-ZeroCode);
        TI header = HalfConversion.Narrow<TF, TI>(scale);
        if (TFormat.HasMinimum)
            header |= HalfConversion.Narrow<TF, TI>(min) << 16;
        TF zero = TF.Broadcast(0);
        TF.Select(TF.Equal(scale, zero), zero, TF.Broadcast(1) / scale).Store(ref inverses[0]);
        header.Store(ref headers[0]);
    }

    /// <summary>Maps each weight to its code, in C's steps on x86: truncated to an int, then to a signed byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Encode<TF, TI>(ref readonly float weights, float minimum, float inverse, ref byte block)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF factor = TF.Broadcast(inverse);
        TF min = TF.Broadcast(minimum);
        uint fifthBits = 0;
        for (int i = 0; i < Half; i += TF.Count)
        {
            TI low = Code(BlockLanes<TF, TI>.At(in weights, i), factor, min);
            TI high = Code(BlockLanes<TF, TI>.At(in weights, i + Half), factor, min);
            ((low & TI.Broadcast(0xF)) | (high << 4)).StoreBytes(ref Unsafe.Add(ref block, NibblesOffset + i));
            if (TFormat.CodeBits == 5)
                fifthBits |= (FifthBits<TF, TI>(low) << i) | (FifthBits<TF, TI>(high) << (i + Half));
        }
        if (TFormat.CodeBits == 5)
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref block, FifthBitsOffset), fifthBits);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static TI Code(TF weights, TF factor, TF min)
        {
            TF scaled = TFormat.HasMinimum
                ? ((weights - min) * factor) + TF.Broadcast(0.5f)
                : (weights * factor) + TF.Broadcast(ZeroCode + 0.5f);
            return TI.Min((TF.Truncate(scaled) << 24) >> 24, TI.Broadcast(MaxCode));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Decode<TF, TI>(TI codes, TF scale, TF min)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> => TFormat.HasMinimum
            ? (TI.ToFloat(codes) * scale) + min
            : TI.ToFloat(codes - TI.Broadcast(ZeroCode)) * scale;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint FifthBits<TF, TI>(TI codes)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        TI.MaskBits(TI.GreaterThan(codes & TI.Broadcast(0x10), TI.Broadcast(0)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TI WithFifthBit<TF, TI>(TI nibbles, uint bits)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        TFormat.CodeBits == 5 ? nibbles | (BlockLanes<TF, TI>.MaskOf(bits) & TI.Broadcast(0x10)) : nibbles;
}

using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>128 signs under one half-precision scale, the mean magnitude.</summary>
/// <remarks>ggml's <c>block_q1_0</c>, <c>quantize_row_q1_0_ref</c>.</remarks>
internal readonly struct Q1_0 : IQuantizableFormat, ILaneQuantizer, IBlockCodec
{
    public static GgmlType Type => GgmlType.Q1_0;

    public static string Name => "q1_0";

    public static int BlockSize => 128;

    public static int BlockBytes => sizeof(ushort) + 16;

    public static BlockLayout Layout => new(BlockField.Halves(), BlockField.Data(16));

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Ignored;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<BlockTraversal<Q1_0>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<Q1_0>(weights, rowLength, importance, blocks);

    // ggml sums a block's magnitudes in order, so here the lanes are blocks.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void ILaneQuantizer.Quantize<TFloats, TInts>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        int group = BlockSize * TFloats.Count;
        Span<float> elements = stackalloc float[group];
        Span<float> scales = stackalloc float[TFloats.Count];
        for (; weights.Length >= group; weights = weights[group..], blocks = blocks[(TFloats.Count * BlockBytes)..])
        {
            Transposition.Run(in weights[0], TFloats.Count, BlockSize, ref elements[0]);
            MeanMagnitude<TFloats, TInts>(ref elements[0]).Store(ref scales[0]);
            for (int lane = 0; lane < TFloats.Count; lane++)
            {
                ref byte block = ref blocks[lane * BlockBytes];
                HalfConversion.Write(ref block, scales[lane]);
                PackSigns<TFloats, TInts>(in weights[lane * BlockSize], ref block);
            }
        }
        for (; !weights.IsEmpty; weights = weights[BlockSize..], blocks = blocks[BlockBytes..])
            BlockTraversal<Q1_0>.Quantize<FloatLane, IntLane>(weights[..BlockSize], rowLength, importance, blocks);
    }

    static void IBlockCodec.QuantizeBlock<TFloats, TInts>(ref readonly float weights, ref byte block)
    {
        float scale = 0;
        MeanMagnitude<FloatLane, IntLane>(ref Unsafe.AsRef(in weights)).Store(ref scale);
        HalfConversion.Write(ref block, scale);
        PackSigns<TFloats, TInts>(in weights, ref block);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockCodec.DequantizeBlock<TFloats, TInts>(ref readonly byte block, ref float weights)
    {
        float magnitude = HalfConversion.Read(in block);
        TFloats positive = TFloats.Broadcast(magnitude);
        TFloats negative = TFloats.Broadcast(-magnitude);
        for (int start = 0; start < BlockSize; start += 32)
        {
            uint bits = Unsafe.ReadUnaligned<uint>(in Unsafe.Add(ref Unsafe.AsRef(in block), sizeof(ushort) + (start / 8)));
            for (int i = 0; i < 32; i += TFloats.Count)
            {
                TFloats.Select(BlockLanes<TFloats, TInts>.MaskOf(bits >> i), positive, negative)
                    .Store(ref Unsafe.Add(ref weights, start + i));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static TFloats MeanMagnitude<TFloats, TInts>(ref float elements)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        TFloats sum = TFloats.Broadcast(0);
        for (int i = 0; i < BlockSize; i++)
            sum += TFloats.Abs(TFloats.Load(in Unsafe.Add(ref elements, i * TFloats.Count)));
        return sum / TFloats.Broadcast(BlockSize);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackSigns<TFloats, TInts>(ref readonly float weights, ref byte block)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        for (int start = 0; start < BlockSize; start += 32)
        {
            uint negative = 0;
            for (int i = 0; i < 32; i += TFloats.Count)
            {
                TFloats lanes = BlockLanes<TFloats, TInts>.At(in weights, start + i);
                negative |= TInts.MaskBits(TFloats.GreaterThan(TFloats.Broadcast(0), lanes)) << i;
            }
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref block, sizeof(ushort) + (start / 8)), ~negative);
        }
    }
}

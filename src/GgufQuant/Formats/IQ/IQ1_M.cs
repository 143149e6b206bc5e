using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>1.75 bits: a scale for 256 weights, a 3-bit one for 16, a shift and a grid point of 2048 for 8.</summary>
/// <remarks>
/// ggml's <c>block_iq1_m</c>, <c>quantize_row_iq1_m_impl</c>, <c>iq1s_grid</c>. Layout: 32 low bytes of point indices,
/// their three high bits and the shift's sign in 4 bits each, then four words of four 3-bit scales; the words' top bits
/// make up the scale (half).
/// </remarks>
internal readonly struct IQ1_M : IIQ1Format
{
    // Weights with the same scale.
    private const int ScaleRun = 16;

    private const int SubBlocks = SuperBlock.Size / ScaleRun;

    private const int Groups = SuperBlock.Size / 8;

    // No level is below -9/8.
    private const int LevelBias = 9;

    // The bits of a point's index above its low byte; the highest is the direction of the shift.
    private const int HighBits = 0xF00;

    // Among these, shifted down: set for levels that are shifted down.
    private const int DirectionBit = 0x8;

    public static GgmlType Type => GgmlType.IQ1_M;

    public static string Name => "iq1_m";

    public static int BlockSize => 256;

    public static int BlockBytes => 56;

    public static BlockLayout Layout => new(BlockField.Data(32), BlockField.Data(16), BlockField.SplitHalf());

    public static bool IsQuantized => true;

    public static ImatrixSupport Importance => ImatrixSupport.Optional;

    static int ICodebookFormat.ScaleRun => ScaleRun;

    static float IIQ1Format.Negligible => 1e-7f;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<CodebookDequantizer<IQ1_M>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<IQ1Quantizer<IQ1_M, IQ1_MSums>>(weights, rowLength, importance, blocks);

    static void ICodebookFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        ulong words = BinaryPrimitives.ReadUInt64LittleEndian(block[48..]);
        ulong bits = ((words >> 12) & 0x000F) | ((words >> 24) & 0x00F0) | ((words >> 36) & 0x0F00) | ((words >> 48) & 0xF000);
        float scale = HalfConversion.Widen((ushort)bits);
        scales = scales[..16];
        for (int s = 0; s < scales.Length; s += 4, words >>= 16)
        {
            for (int k = 0; k < 4; k++)
                scales[s + k] = scale * ((2 * ((int)(words >> (3 * k)) & 7)) + 1) * IQ1Codebook.Delta;
        }
        ulong[] points = IQ1Codebook.Points;
        ReadOnlySpan<byte> low = block[..32];
        ReadOnlySpan<byte> high = block.Slice(32, 16);
        levels = levels[..32];
        for (int g = 0; g < levels.Length; g += 2)
        {
            int both = high[g / 2];
            levels[g] = points[low[g] | ((both << 8) & HighBits)];
            levels[g + 1] = points[low[g + 1] | ((both << 4) & HighBits)];
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void IIQ1Format.Pack<TF, TI>(IQ1Batch batch, Span<byte> blocks)
    {
        Span<float> factors = stackalloc float[TF.Count];
        Span<int> codes = stackalloc int[TF.Count * SubBlocks];
        factors.Clear();
        codes.Clear();
        uint isScaled = 0;
        for (int b = 0; b < batch.Count; b++)
        {
            ReadOnlySpan<float> scales = batch.Scales.Slice(b * SubBlocks, SubBlocks);
            float maxScale = BlockLanes<TF, TI>.MaxMagnitude(in scales[0], SubBlocks);
            PackPoints(
                batch.Codes.Slice(b * Groups, Groups),
                batch.Shifts.Slice(b * Groups, Groups),
                maxScale == 0 ? 0 : DirectionBit,
                blocks.Slice(b * BlockBytes, BlockBytes));
            if (maxScale == 0)
                continue;
            isScaled |= 1u << b;
            factors[b] = maxScale / 15;
            float inverse = 1 / factors[b];
            for (int s = 0; s < SubBlocks; s++)
                codes[(b * SubBlocks) + s] = IQ1Codebook.ScaleCode(inverse, scales[s]);
        }

        Fit<TF, TI>(batch, codes, factors);
        for (int b = 0; b < batch.Count; b++)
        {
            if ((isScaled >> b & 1) != 0)
                PackScales(codes.Slice(b * SubBlocks, SubBlocks), factors[b], blocks.Slice(b * BlockBytes, BlockBytes));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackPoints(ReadOnlySpan<int> points, ReadOnlySpan<int> shifts, int directionBit, Span<byte> block)
    {
        ReadOnlySpan<int> map = Grid.IQ1.Neighbours.Map;
        for (int g = 0; g < points.Length; g += 2)
        {
            int first = map[points[g]];
            int second = map[points[g + 1]];
            block[g] = (byte)first;
            block[g + 1] = (byte)second;
            // All bits of -1 are set, and only the lowest one of 1.
            first = (first >> 8) | (shifts[g] & directionBit);
            second = (second >> 8) | (shifts[g + 1] & directionBit);
            block[32 + (g / 2)] = (byte)(first | (second << 4));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackScales(ReadOnlySpan<int> codes, float factor, Span<byte> block)
    {
        ulong words = 0;
        for (int s = 0; s < codes.Length; s += 4)
        {
            uint word = (uint)(codes[s] | (codes[s + 1] << 3) | (codes[s + 2] << 6) | (codes[s + 3] << 9));
            words |= (ulong)word << (4 * s);
        }
        ulong half = HalfConversion.Narrow(factor * 1.1125f);
        words |= ((half & 0x000F) << 12) | ((half & 0x00F0) << 24) | ((half & 0x0F00) << 36) | ((half & 0xF000) << 48);
        BinaryPrimitives.WriteUInt64LittleEndian(block[48..], words);
    }

    /// <summary>Replaces the factors by those that fit the points and the scales' codes.</summary>
    /// <remarks>
    /// ggml adds up the weights of a super-block one after the other. So the terms are computed along the super-block, and
    /// transposed to be added with a super-block in each lane.
    /// </remarks>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Fit<TF, TI>(IQ1Batch batch, ReadOnlySpan<int> codes, Span<float> factors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<ulong> levels = stackalloc ulong[TF.Count * Groups];
        for (int g = 0; g < levels.Length; g++)
            levels[g] = BiasedEighths(batch.Codes[g], batch.Shifts[g]);
        ref byte eighths = ref Unsafe.As<ulong, byte>(ref levels[0]);

        int tile = TF.Count * TF.Count;
        ref float productTerms = ref CacheLines.Align(stackalloc float[(4 * tile) + CacheLines.Spare]);
        ref float squareTerms = ref Unsafe.Add(ref productTerms, tile);
        ref float productRows = ref Unsafe.Add(ref productTerms, 2 * tile);
        ref float squareRows = ref Unsafe.Add(ref productTerms, 3 * tile);
        TF products = TF.Broadcast(0);
        TF squares = TF.Broadcast(0);
        for (int first = 0; first < SuperBlock.Size; first += TF.Count)
        {
            for (int b = 0; b < TF.Count; b++)
            {
                int at = (b * SuperBlock.Size) + first;
                int code = codes[at / ScaleRun];
                TF level = TI.ToFloat(TI.LoadBytes(in Unsafe.Add(ref eighths, at)) - TI.Broadcast(LevelBias))
                    * TF.Broadcast(((2 * code) + 1) * IQ1Codebook.Delta);
                TF weighted = TF.Load(in batch.Factors[at]) * level;
                (weighted * TF.Load(in batch.Weights[at])).Store(ref Unsafe.Add(ref productTerms, b * TF.Count));
                (weighted * level).Store(ref Unsafe.Add(ref squareTerms, b * TF.Count));
            }
            Transposition.Run(in productTerms, TF.Count, TF.Count, ref productRows);
            Transposition.Run(in squareTerms, TF.Count, TF.Count, ref squareRows);
            for (int at = 0; at < tile; at += TF.Count)
            {
                products += BlockLanes<TF, TI>.At(in productRows, at);
                squares += BlockLanes<TF, TI>.At(in squareRows, at);
            }
        }
        TF factor = TF.Load(in factors[0]);
        TF.Select(TF.GreaterThan(squares, TF.Broadcast(0)), products / squares, factor).Store(ref factors[0]);
    }

    // The levels of a group in eighths, plus a bias that makes them positive, a byte each.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong BiasedEighths(int code, int shift)
    {
        ulong digits = (uint)code;
        digits = (digits | (digits << 24)) & 0x000000FF000000FF;
        digits = (digits | (digits << 12)) & 0x000F000F000F000F;
        digits = (digits | (digits << 6)) & 0x0303030303030303;
        return (digits << 3) + (0x0101010101010101 * (ulong)(LevelBias - 8 + shift));
    }
}

using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>1.75 bits: a scale for 256 weights, a 3-bit one for 16, a shift and a ternary point of 2048 for 8.</summary>
/// <remarks>
/// Layout: 32 low bytes of point indices, their three high bits and the shift's sign in 4 bits each, then four words
/// of four 3-bit scales; the words' top bits make up the scale (half).
/// </remarks>
public readonly struct IQ1_M : ITernaryFormat
{
    private const int SubBlockSize = 16;
    private const int GroupSize = 8;

    // The two groups of a sub-block are shifted each on its own: bit 0 for the second, bit 1 for the first.
    private const int ShiftPairs = 4;

    public static GgmlType Type => GgmlType.IQ1_M;

    public static string Name => "iq1_m";

    public static int BlockSize => 256;

    public static int BlockBytes => 56;

    public static bool IsQuantized => true;

    public static ImportanceUse Importance => ImportanceUse.Optional;

    static int ILevelFormat.ScaleRun => SubBlockSize;

    static float ITernaryFormat.Negligible => 1e-7f;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<SignedLevels<IQ1_M>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<TernaryQuantizer<IQ1_M>>(weights, rowLength, importance, blocks);

    static void ILevelFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        ulong words = BinaryPrimitives.ReadUInt64LittleEndian(block[48..]);
        ulong bits = ((words >> 12) & 0x000F) | ((words >> 24) & 0x00F0) | ((words >> 36) & 0x0F00) | ((words >> 48) & 0xF000);
        float scale = HalfConversion.Widen((ushort)bits);
        for (int s = 0; s < scales.Length; s++)
        {
            int code = (int)(words >> ((16 * (s / 4)) + (3 * (s % 4)))) & 7;
            scales[s] = scale * ((2 * code) + 1) * ShiftedTernary.Unit;
        }
        for (int k = 0; k < levels.Length; k++)
        {
            int high = block[32 + (k / 2)] >> (k % 2 * 4);
            ulong[] points = (high & 8) != 0 ? ShiftedTernary.Down : ShiftedTernary.Up;
            levels[k] = points[block[k] | ((high & 7) << 8)];
        }
    }

    static TernarySplit ITernaryFormat.Split<TF, TI>(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> factors, ReadOnlySpan<int> order, float greatest)
    {
        HalfSums first = new(stackalloc float[HalfSums.Room], stackalloc float[HalfSums.Room]);
        HalfSums second = new(stackalloc float[HalfSums.Room], stackalloc float[HalfSums.Room]);
        for (int j = 0; j < SubBlockSize; j++)
        {
            int i = order[j];
            float product = factors[i] * weights[i];
            first.Append(j, i < GroupSize ? product : 0, i < GroupSize ? factors[i] : 0);
            second.Append(j, i < GroupSize ? 0 : product, i < GroupSize ? 0 : factors[i]);
        }

        float reached = 0;
        for (int tail = 2; tail < SubBlockSize / 2; tail += 2)
        {
            for (int pair = 0; pair < ShiftPairs; pair++)
            {
                (float products, float squares) = Candidate(first, second, tail, SubBlockSize - tail, pair);
                reached = Math.Max(reached, products * products / squares);
            }
        }
        double factorSum = (double)first.Factors[SubBlockSize] + second.Factors[SubBlockSize];
        float best = TernarySearch.Start(reached, factorSum, greatest);
        TernarySplit split = new(-1, -1, 0, greatest);
        for (int middle = 0; middle <= SubBlockSize; middle++)
        {
            for (int upper = middle; upper <= SubBlockSize; upper += TF.Count)
            {
                if (AnyIsBetter<TF, TI>(first, second, middle, upper, best))
                    split = Improve(first, second, middle, upper, Math.Min(SubBlockSize, upper + TF.Count - 1), ref best, split);
            }
        }
        return split;
    }

    // Vectors in which something beats the best so far, one split after the other as ggml goes.
    private static TernarySplit Improve(
        HalfSums first, HalfSums second, int middle, int from, int to, ref float best, TernarySplit split)
    {
        for (int upper = from; upper <= to; upper++)
        {
            for (int pair = 0; pair < ShiftPairs; pair++)
            {
                (float products, float squares) = Candidate(first, second, middle, upper, pair);
                if (!TernarySearch.IsBetter(products, squares, best))
                    continue;
                float scale = products / squares;
                best = scale * products;
                split = new(middle, upper, (pair >> 1) | ((pair & 1) << 1), scale);
            }
        }
        return split;
    }

    private static (float Products, float Squares) Candidate(HalfSums first, HalfSums second, int middle, int upper, int pair)
    {
        int firstShift = pair < 2 ? 1 : -1;
        int secondShift = pair % 2 == 0 ? 1 : -1;
        return (first.ProductsAt(middle, upper, firstShift) + second.ProductsAt(middle, upper, secondShift),
            first.SquaresAt(middle, upper, firstShift) + second.SquaresAt(middle, upper, secondShift));
    }

    private static bool AnyIsBetter<TF, TI>(HalfSums first, HalfSums second, int middle, int upper, float best)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        (TF firstUp, TF firstDown) = first.Products<TF, TI>(middle, upper);
        (TF secondUp, TF secondDown) = second.Products<TF, TI>(middle, upper);
        TF firstSquaresUp = first.Squares<TF, TI>(middle, upper, 1);
        TF firstSquaresDown = first.Squares<TF, TI>(middle, upper, -1);
        TF secondSquaresUp = second.Squares<TF, TI>(middle, upper, 1);
        TF secondSquaresDown = second.Squares<TF, TI>(middle, upper, -1);
        TF bestLanes = TF.Broadcast(best);
        return TI.Any(
            IsBetter<TF, TI>(firstUp + secondUp, firstSquaresUp + secondSquaresUp, bestLanes)
            | IsBetter<TF, TI>(firstUp + secondDown, firstSquaresUp + secondSquaresDown, bestLanes)
            | IsBetter<TF, TI>(firstDown + secondUp, firstSquaresDown + secondSquaresUp, bestLanes)
            | IsBetter<TF, TI>(firstDown + secondDown, firstSquaresDown + secondSquaresDown, bestLanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TI IsBetter<TF, TI>(TF products, TF squares, TF best)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        TF.GreaterThan(squares, TF.Broadcast(0)) & TF.GreaterThan(products * products, best * squares);

    static void ITernaryFormat.Pack(
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> factors,
        ReadOnlySpan<int> points,
        ReadOnlySpan<int> places,
        ReadOnlySpan<int> shifts,
        ReadOnlySpan<float> scales,
        Span<byte> block)
    {
        for (int g = 0; g < points.Length; g++)
        {
            int point = places[points[g]];
            block[g] = (byte)point;
            block[32 + (g / 2)] |= (byte)(point >> 8 << (g % 2 * 4));
        }
        float maxScale = 0;
        foreach (float scale in scales)
            maxScale = maxScale > scale ? maxScale : scale;
        if (maxScale == 0)
            return;

        float factor = maxScale / 15;
        float inverse = 1 / factor;
        ulong words = 0;
        float products = 0;
        float squares = 0;
        for (int g = 0; g < points.Length; g++)
        {
            int s = g / 2;
            int code = ShiftedTernary.ScaleCode(inverse, scales[s]);
            words |= (ulong)code << ((16 * (s / 4)) + (3 * (s % 4)));
            block[32 + s] |= (byte)((shifts[g] < 0 ? 8 : 0) << (g % 2 * 4));
            ReadOnlySpan<float> levels = ShiftedTernary.Levels(shifts[g]);
            for (int i = 0; i < GroupSize; i++)
            {
                float level = levels[(points[g] >> (2 * i)) & 3] * ((2 * code) + 1);
                float weighted = factors[(GroupSize * g) + i] * level;
                products += weighted * weights[(GroupSize * g) + i];
                squares += weighted * level;
            }
        }
        if (squares > 0)
            factor = products / squares;
        ulong half = HalfConversion.Narrow(factor * 1.1125f);
        words |= ((half & 0x000F) << 12) | ((half & 0x00F0) << 24) | ((half & 0x0F00) << 36) | ((half & 0xF000) << 48);
        BinaryPrimitives.WriteUInt64LittleEndian(block[48..], words);
    }

    /// <summary>One group's sums over the weights before each place of the sub-block's order.</summary>
    /// <remarks>
    /// With steps of one between levels, a split's products are those of all weights at the upper level less the two
    /// sums before its boundaries; its squares step by the levels' squares. ggml computes them so, and so rounds.
    /// </remarks>
    private readonly ref struct HalfSums
    {
        /// <summary>The places of a sub-block, and as many beyond as the widest lanes may read.</summary>
        public const int Room = SubBlockSize + 1 + SubBlockSize;

        private readonly Span<float> _products;
        private readonly Span<float> _factors;

        public HalfSums(Span<float> products, Span<float> factors)
        {
            // Beyond the last place they are NaN, which no comparison accepts.
            products.Fill(float.NaN);
            factors.Fill(float.NaN);
            products[0] = factors[0] = 0;
            _products = products;
            _factors = factors;
        }

        public ReadOnlySpan<float> Factors => _factors;

        public void Append(int place, float product, float factor)
        {
            _products[place + 1] = _products[place] + product;
            _factors[place + 1] = _factors[place] + factor;
        }

        public float ProductsAt(int middle, int upper, int shift) =>
            (_products[SubBlockSize] * Level(shift, 2)) - (_products[upper] + _products[middle]);

        public float SquaresAt(int middle, int upper, int shift) =>
            SquaresBefore(middle, shift) + (SquareStep(shift, 1) * _factors[upper]);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (TF Up, TF Down) Products<TF, TI>(int middle, int upper)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF>
        {
            TF before = TF.Load(in _products[upper]) + TF.Broadcast(_products[middle]);
            return (TF.Broadcast(_products[SubBlockSize] * Level(1, 2)) - before,
                TF.Broadcast(_products[SubBlockSize] * Level(-1, 2)) - before);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TF Squares<TF, TI>(int middle, int upper, int shift)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF> =>
            TF.Broadcast(SquaresBefore(middle, shift)) + (TF.Broadcast(SquareStep(shift, 1)) * TF.Load(in _factors[upper]));

        private float SquaresBefore(int middle, int shift) =>
            (_factors[SubBlockSize] * Level(shift, 2) * Level(shift, 2)) + (SquareStep(shift, 0) * _factors[middle]);

        private static float Level(int shift, int digit) => digit - 1 + (shift * ShiftedTernary.Unit);

        private static float SquareStep(int shift, int digit) =>
            (Level(shift, digit) * Level(shift, digit)) - (Level(shift, digit + 1) * Level(shift, digit + 1));
    }
}

using System.Buffers.Binary;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>1.56 bits: a scale for 256 weights, a 3-bit one and a shift for 32, a ternary point of 2048 for 8.</summary>
/// <remarks>
/// Layout: the scale (half), 32 low bytes of point indices, then for each 32 weights a word of four times three high
/// bits of the indices, the 3-bit scale and the shift's sign.
/// </remarks>
public readonly struct IQ1_S : ITernaryFormat
{
    private const int SubBlockSize = 32;

    public static GgmlType Type => GgmlType.IQ1_S;

    public static string Name => "iq1_s";

    public static int BlockSize => 256;

    public static int BlockBytes => 50;

    public static bool IsQuantized => true;

    public static ImportanceUse Importance => ImportanceUse.Required;

    static int ILevelFormat.ScaleRun => SubBlockSize;

    static float ITernaryFormat.Negligible => 1e-12f;

    public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) =>
        WidestLanes.Dequantize<SignedLevels<IQ1_S>>(blocks, weights);

    public static void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        WidestLanes.Quantize<TernaryQuantizer<IQ1_S>>(weights, rowLength, importance, blocks);

    static void ILevelFormat.Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales)
    {
        float scale = HalfConversion.Read(in block[0]);
        for (int s = 0; s < scales.Length; s++)
        {
            int word = BinaryPrimitives.ReadUInt16LittleEndian(block[(34 + (2 * s))..]);
            scales[s] = scale * ((2 * ((word >> 12) & 7)) + 1) * ShiftedTernary.Unit;
            ulong[] points = (word & 0x8000) != 0 ? ShiftedTernary.Down : ShiftedTernary.Up;
            for (int k = 0; k < 4; k++)
                levels[(4 * s) + k] = points[block[2 + (4 * s) + k] | (((word >> (3 * k)) & 7) << 8)];
        }
    }

    static TernarySplit ITernaryFormat.Split<TF, TI>(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> factors, ReadOnlySpan<int> order, float greatest)
    {
        // Sums over the weights before each place. Beyond the last they are NaN, which no comparison accepts.
        Span<float> sums = stackalloc float[SubBlockSize + 1 + TF.Count];
        Span<float> factorSums = stackalloc float[SubBlockSize + 1 + TF.Count];
        sums.Fill(float.NaN);
        factorSums.Fill(float.NaN);
        sums[0] = factorSums[0] = 0;
        for (int j = 0; j < SubBlockSize; j++)
        {
            int i = order[j];
            sums[j + 1] = sums[j] + (factors[i] * weights[i]);
            factorSums[j + 1] = factorSums[j] + factors[i];
        }

        float reached = 0;
        for (int tail = 4; tail < SubBlockSize / 2; tail += 2)
        {
            reached = Math.Max(reached, Score(Candidate(sums, factorSums, tail, SubBlockSize - tail, 1)));
            reached = Math.Max(reached, Score(Candidate(sums, factorSums, tail, SubBlockSize - tail, -1)));
        }
        float best = TernarySearch.Start(reached, factorSums[SubBlockSize], greatest);
        TernarySplit split = new(-1, -1, 0, greatest);
        for (int middle = 0; middle <= SubBlockSize; middle++)
        {
            for (int upper = middle; upper <= SubBlockSize; upper += TF.Count)
            {
                TI up = IsBetter<TF, TI>(sums, factorSums, middle, upper, ShiftedTernary.Levels(1), best);
                TI down = IsBetter<TF, TI>(sums, factorSums, middle, upper, ShiftedTernary.Levels(-1), best);
                if (TI.Any(up | down))
                    split = Improve(sums, factorSums, middle, upper, Math.Min(SubBlockSize, upper + TF.Count - 1), ref best, split);
            }
        }
        return split;
    }

    // A vector in which something beats the best so far, one split after the other as ggml goes.
    private static TernarySplit Improve(
        ReadOnlySpan<float> sums, ReadOnlySpan<float> factorSums, int middle, int first, int last, ref float best, TernarySplit split)
    {
        for (int upper = first; upper <= last; upper++)
        {
            for (int shift = 1; shift >= -1; shift -= 2)
            {
                (float products, float squares) = Candidate(sums, factorSums, middle, upper, shift);
                if (!TernarySearch.IsBetter(products, squares, best))
                    continue;
                float scale = products / squares;
                best = scale * products;
                split = new(middle, upper, shift < 0 ? 15 : 0, scale);
            }
        }
        return split;
    }

    private static float Score((float Products, float Squares) sums) => sums.Products * sums.Products / sums.Squares;

    private static (float Products, float Squares) Candidate(
        ReadOnlySpan<float> sums, ReadOnlySpan<float> factorSums, int middle, int upper, int shift)
    {
        ReadOnlySpan<float> levels = ShiftedTernary.Levels(shift);
        float products = ((sums[middle] - sums[0]) * levels[0])
            + ((sums[upper] - sums[middle]) * levels[1])
            + ((sums[SubBlockSize] - sums[upper]) * levels[2]);
        float squares = ((factorSums[middle] - factorSums[0]) * levels[0] * levels[0])
            + ((factorSums[upper] - factorSums[middle]) * levels[1] * levels[1])
            + ((factorSums[SubBlockSize] - factorSums[upper]) * levels[2] * levels[2]);
        return (products, squares);
    }

    private static TI IsBetter<TF, TI>(
        ReadOnlySpan<float> sums, ReadOnlySpan<float> factorSums, int middle, int upper, ReadOnlySpan<float> levels, float best)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF level1 = TF.Broadcast(levels[1]);
        TF level2 = TF.Broadcast(levels[2]);
        TF sum = TF.Load(in sums[upper]);
        TF factorSum = TF.Load(in factorSums[upper]);
        TF products = TF.Broadcast((sums[middle] - sums[0]) * levels[0])
            + ((sum - TF.Broadcast(sums[middle])) * level1)
            + ((TF.Broadcast(sums[SubBlockSize]) - sum) * level2);
        TF squares = TF.Broadcast((factorSums[middle] - factorSums[0]) * levels[0] * levels[0])
            + ((factorSum - TF.Broadcast(factorSums[middle])) * level1 * level1)
            + ((TF.Broadcast(factorSums[SubBlockSize]) - factorSum) * level2 * level2);
        return TF.GreaterThan(squares, TF.Broadcast(0)) & TF.GreaterThan(products * products, TF.Broadcast(best) * squares);
    }

    static void ITernaryFormat.Pack(
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> factors,
        ReadOnlySpan<int> points,
        ReadOnlySpan<int> places,
        ReadOnlySpan<int> shifts,
        ReadOnlySpan<float> scales,
        Span<byte> block)
    {
        float maxScale = 0;
        foreach (float scale in scales)
            maxScale = maxScale > scale ? maxScale : scale;
        float factor = maxScale / 15;
        float inverse = 1 / factor;
        if (maxScale != 0)
            HalfConversion.Write(ref block[0], factor * 1.125f);
        for (int s = 0; s < scales.Length; s++)
        {
            int word = 0;
            for (int k = 0; k < 4; k++)
            {
                int point = places[points[(4 * s) + k]];
                block[2 + (4 * s) + k] = (byte)point;
                word |= point >> 8 << (3 * k);
            }
            if (maxScale != 0)
                word |= (ShiftedTernary.ScaleCode(inverse, scales[s]) | (shifts[4 * s] < 0 ? 8 : 0)) << 12;
            BinaryPrimitives.WriteUInt16LittleEndian(block[(34 + (2 * s))..], (ushort)word);
        }
    }
}

using GgufQuant.Formats;
using GgufQuant.Simd;

namespace GgufQuant.Benchmarks;

/// <summary>The vector instructions of the search over a grid's points, counted on given weights as <see cref="GridQuantizer{TFormat}"/> goes about it.</summary>
/// <remarks>
/// Under consecutive scales a group of weights keeps its code, and is then moved to the nearest of the code's candidates: the
/// runs and their candidates are what differs from one input to another. Runs whose point changes take more.
/// </remarks>
internal static class GridSearchBound<TFormat>
    where TFormat : struct, IGridFormat
{
    // Per weight and vector of scales: multiply, subtract, clamp twice, round, join the code in two; how far off in four.
    private static readonly int s_perRounding = TFormat.HasOneShell ? 7 : 11;

    // Per vector of candidates: from four tables each, slope and offset.
    private const int PerLines = 14;

    // Per vector of candidates, at both ends of a run: multiply and add in one, the least, compare.
    private const int PerEnds = 6;

    // The least of all lanes, at both ends of a run: four times rearranged and compared.
    private const int PerRun = 16;

    // Per weight and vector of scales: level and shift, a multiplication and an addition, two and one.
    private const int PerSum = 7;

    private static int MaxDigit => TFormat.Grid.Levels - 1;

    /// <summary>Counts them per weight.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="factors">The importance of each weight's error.</param>
    /// <param name="lanes">Lanes of a vector.</param>
    public static double PerWeight(ReadOnlySpan<float> weights, ReadOnlySpan<float> factors, int lanes)
    {
        int scales = (2 * TFormat.Reach) + 1;
        double roundings = (scales / lanes) + LastVectors(scales % lanes, lanes);
        double fixedWork = weights.Length * ((roundings * s_perRounding) + (Vectors(scales, lanes) * PerSum));
        long choices = 0;
        Span<int> codes = stackalloc int[scales];
        for (int start = 0; start < weights.Length; start += TFormat.ScaleRun)
        {
            float range = Range(weights.Slice(start, TFormat.ScaleRun), factors.Slice(start, TFormat.ScaleRun));
            for (int group = start; group < start + TFormat.ScaleRun; group += TFormat.Dimensions)
            {
                for (int scale = 0; scale < scales; scale++)
                    codes[scale] = Round(weights.Slice(group, TFormat.Dimensions), ((2 * MaxDigit) + 1 + ((scale - TFormat.Reach) * TFormat.Step)) / range);
                choices += CountChoices(codes, lanes);
            }
        }
        return (fixedWork + choices) / weights.Length;
    }

    private static long CountChoices(ReadOnlySpan<int> codes, int lanes)
    {
        long count = 0;
        for (int first = 0, next; first < codes.Length; first = next)
        {
            for (next = first + 1; next < codes.Length && codes[next] == codes[first];)
                next++;
            int candidates = TFormat.Grid.Candidates.ListAt(codes[first]);
            count += (Vectors(candidates, lanes) * (PerLines + PerEnds)) + PerRun;
        }
        return count;
    }

    private static int Round(ReadOnlySpan<float> weights, float inverse)
    {
        int code = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            int digit = ScalarMath.NearestInt(0.5f * ((inverse * Math.Abs(weights[i])) - 1));
            code |= Math.Clamp(digit, 0, MaxDigit) << (TFormat.Grid.DigitBits * i);
        }
        return code;
    }

    private static float Range(ReadOnlySpan<float> weights, ReadOnlySpan<float> factors)
    {
        Span<float> magnitudes = stackalloc float[weights.Length];
        float greatest = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            magnitudes[i] = Math.Abs(weights[i]);
            greatest = Math.Max(greatest, magnitudes[i]);
        }
        if (!TFormat.StartsFromFit)
            return greatest;
        Span<float> own = stackalloc float[weights.Length];
        factors.CopyTo(own);
        Span<int> levels = stackalloc int[weights.Length];
        return PositiveScaleSearch<FloatLane, IntLane>.Run(ref magnitudes[0], ref own[0], weights.Length, MaxDigit + 2, ref levels[0]).Value * (MaxDigit + 1);
    }

    // Up to four scales of as many weights as leaves lanes for share a vector.
    private static double LastVectors(int scales, int lanes) => scales == 0 ? 0 : scales <= 4 && lanes > 4 ? 4.0 / lanes : 1;

    private static int Vectors(int count, int lanes) => (count + lanes - 1) / lanes;
}

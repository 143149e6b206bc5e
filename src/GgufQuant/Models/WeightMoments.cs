using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using GgufQuant.Simd;

namespace GgufQuant.Models;

/// <summary>Counts, extremes, mean and squared deviations of weights; two parts can be combined.</summary>
internal readonly record struct WeightMoments(
    long Count, double Minimum, double Maximum, double Mean, double SquaredDeviations, long Zeros, long NaNs, long Infinities)
{
    /// <summary>The moments of no weights.</summary>
    public static WeightMoments None { get; } = new(0, double.PositiveInfinity, double.NegativeInfinity, 0, 0, 0, 0, 0);

    /// <summary>The moments of some weights.</summary>
    /// <remarks>There are always sixteen partial sums, so that the result does not depend on the vector width.</remarks>
    public static WeightMoments Of(ReadOnlySpan<float> weights)
    {
        // Deviations are relative to one of the weights, so that a mean far from zero loses no digits.
        double origin = weights.Length > 0 && float.IsFinite(weights[0]) ? weights[0] : 0;
        Vector512<double> origins = Vector512.Create(origin);
        Vector512<double> sums = default, sums2 = default, squares = default, squares2 = default;
        Vector512<float> minimum = Vector512.Create(float.PositiveInfinity);
        Vector512<float> maximum = Vector512.Create(float.NegativeInfinity);
        long zeros = 0;
        WeightMoments others = None;
        ref float first = ref MemoryMarshal.GetReference(weights);
        int i = 0;
        long count = 0;
        for (; i <= weights.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            Vector512<float> values = Vector512.LoadUnsafe(ref first, (nuint)i);
            if (!Vector512.LessThanOrEqualAll(Vector512.Abs(values), Vector512.Create(float.MaxValue)))
            {
                others = AddEach(others, weights.Slice(i, Vector512<float>.Count));
                continue;
            }
            (Vector512<double> a, Vector512<double> b) = Vector512.Widen(values);
            a -= origins;
            b -= origins;
            sums += a;
            sums2 += b;
            squares += a * a;
            squares2 += b * b;
            minimum = Vector512.Min(minimum, values);
            maximum = Vector512.Max(maximum, values);
            zeros += BitOperations.PopCount(Vector512.ExtractMostSignificantBits(Vector512.Equals(values, default)));
            count += Vector512<float>.Count;
        }
        others = AddEach(others, weights[i..]);
        if (count == 0)
            return others;

        double mean = VectorSum.Of(sums + sums2) / count;
        double smallest = double.PositiveInfinity;
        double largest = double.NegativeInfinity;
        for (int lane = 0; lane < Vector512<float>.Count; lane++)
        {
            smallest = Math.Min(smallest, minimum[lane]);
            largest = Math.Max(largest, maximum[lane]);
        }
        double deviations = Math.Max(0, VectorSum.Of(squares + squares2) - (count * mean * mean));
        return Combine(new WeightMoments(count, smallest, largest, origin + mean, deviations, zeros, 0, 0), others);
    }

    /// <summary>Combines the moments of two parts (Chan, Golub and LeVeque).</summary>
    public static WeightMoments Combine(WeightMoments a, WeightMoments b)
    {
        long count = a.Count + b.Count;
        double delta = b.Mean - a.Mean;
        double share = count == 0 ? 0 : (double)b.Count / count;
        return new WeightMoments(
            count,
            Math.Min(a.Minimum, b.Minimum),
            Math.Max(a.Maximum, b.Maximum),
            a.Mean + (delta * share),
            a.SquaredDeviations + b.SquaredDeviations + (delta * delta * a.Count * share),
            a.Zeros + b.Zeros,
            a.NaNs + b.NaNs,
            a.Infinities + b.Infinities);
    }

    private static WeightMoments AddEach(WeightMoments moments, ReadOnlySpan<float> weights)
    {
        foreach (float weight in weights)
        {
            moments = float.IsFinite(weight)
                ? Combine(moments, new WeightMoments(1, weight, weight, weight, 0, weight == 0 ? 1 : 0, 0, 0))
                : float.IsNaN(weight)
                    ? moments with { NaNs = moments.NaNs + 1 }
                    : moments with { Infinities = moments.Infinities + 1 };
        }
        return moments;
    }
}

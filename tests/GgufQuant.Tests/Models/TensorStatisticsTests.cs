using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Tests.Gguf;

namespace GgufQuant.Tests.Models;

/// <summary>A tensor's statistics against plain loops over its weights.</summary>
public class TensorStatisticsTests
{
    public static TheoryData<string, int, int> Cases
    {
        get
        {
            TheoryData<string, int, int> cases = [];
            foreach (string name in new[] { "gaussian", "heavy-tail", "sparse-signed-zeros", "all-zero", "positive", "near-float-max" })
            {
                foreach (int count in new[] { 1, 15, 16, 33, 200_003 })
                {
                    foreach (int every in new[] { 0, 7, 5000 })
                        cases.Add(name, count, every);
                }
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void They_are_those_of_a_plain_loop(string data, int count, int notFiniteEvery)
    {
        float[] weights = WeightData.Make(data, count);
        for (int i = 0; notFiniteEvery > 0 && i < count; i += notFiniteEvery)
            weights[i] = (i / notFiniteEvery % 3) switch { 0 => float.NaN, 1 => float.PositiveInfinity, _ => float.NegativeInfinity };

        TensorStatistics actual = Measure(weights);
        double[] finite = [.. weights.Where(float.IsFinite).Select(weight => (double)weight)];
        Assert.Equal(count, actual.ElementCount);
        Assert.Equal(weights.Count(float.IsNaN), actual.NaNCount);
        Assert.Equal(weights.Count(float.IsInfinity), actual.InfinityCount);
        Assert.Equal(weights.Count(weight => weight == 0) / (double)count, actual.ZeroShare);
        if (finite.Length == 0)
        {
            Assert.True(double.IsNaN(actual.Minimum) && double.IsNaN(actual.Maximum) && double.IsNaN(actual.Mean) && double.IsNaN(actual.StandardDeviation));
            return;
        }
        double mean = finite.Average();
        double deviation = Math.Sqrt(finite.Average(weight => (weight - mean) * (weight - mean)));
        Assert.Equal((finite.Min(), finite.Max()), (actual.Minimum, actual.Maximum));
        AssertClose(mean, actual.Mean, finite.Max(Math.Abs));
        AssertClose(deviation, actual.StandardDeviation, finite.Max(Math.Abs));
    }

    [Fact]
    public void A_mean_far_from_zero_costs_no_digits()
    {
        float[] weights = [.. Enumerable.Range(0, 100_000).Select(i => 1_000_000f + (i % 2))];
        TensorStatistics statistics = Measure(weights);
        Assert.Equal(1_000_000.5, statistics.Mean, 6);
        Assert.Equal(0.5, statistics.StandardDeviation, 6);
    }

    [Fact]
    public void The_result_is_the_same_at_any_number_of_threads()
    {
        float[] weights = WeightData.Make("heavy-tail", 500_000);
        Assert.Equal(Measure(weights, threads: 1), Measure(weights, threads: 8));
    }

    private static TensorStatistics Measure(float[] weights, int threads = 0)
    {
        byte[] bytes = GgufBytes.Write([], [(new GgufTensorInfo("t", GgmlType.F32, [weights.Length]), MemoryMarshal.AsBytes(weights.AsSpan()).ToArray())]);
        using GgufFile file = GgufFile.Open("t.gguf", bytes);
        return TensorStatistics.Measure(file, file.Tensors[0], threads, token: TestContext.Current.CancellationToken);
    }

    private static void AssertClose(double expected, double actual, double scale) =>
        Assert.True(Math.Abs(expected - actual) <= 1e-11 * scale, $"expected {expected:R}, got {actual:R}");
}

using GgufQuant.Comparison;

namespace GgufQuant.Tests.Comparison;

/// <summary>Sums over any length, including weights that do not fill a vector.</summary>
public sealed class ErrorSumsTests
{
    [Fact]
    public void Every_weight_counts_wherever_it_stands()
    {
        for (int length = 1; length <= 50; length++)
        {
            float[] reference = [.. Enumerable.Range(1, length).Select(i => (float)i)];
            for (int off = 0; off < length; off++)
            {
                float[] candidate = [.. reference];
                candidate[off] += 3;
                ErrorSums sums = ErrorSums.Of(reference, candidate);
                Assert.Equal((9, 3), (sums.Differences, sums.Largest));
                Assert.Equal(reference.Sum(a => (double)a * a), sums.References);
                Assert.Equal(candidate.Sum(b => (double)b * b), sums.Candidates);
                Assert.Equal(reference.Zip(candidate, (a, b) => (double)a * b).Sum(), sums.Products);
            }
        }
    }
}

using GgufQuant.Models;

namespace GgufQuant.Imatrix;

/// <summary>One tensor's statistics of mean squared inputs, as llama-imatrix's <c>--show-statistics</c> prints them.</summary>
/// <param name="Name">The weight tensor.</param>
/// <param name="Sum">Σ over columns of the mean squared input.</param>
/// <param name="Minimum">The smallest column's.</param>
/// <param name="Maximum">The largest column's.</param>
/// <param name="Mean">Mean over columns.</param>
/// <param name="StandardDeviation">Standard deviation over columns.</param>
/// <param name="ActiveShare">Share of columns above 0.00001.</param>
/// <param name="Columns">Columns of all matrices.</param>
/// <param name="Entropy">Entropy of the columns' shares, in bits.</param>
/// <param name="RelativeEntropy">Entropy relative to its maximum: 1 if all columns matter equally.</param>
/// <param name="OutlierShare">Share of columns more than one standard deviation above the mean.</param>
/// <param name="CosineSimilarity">Similarity to the same tensor one layer earlier; null in the first layer.</param>
public sealed record ImatrixTensorStatistics(
    string Name, double Sum, double Minimum, double Maximum, double Mean, double StandardDeviation, double ActiveShare,
    int Columns, double Entropy, double RelativeEntropy, double OutlierShare, double? CosineSimilarity)
{
    private const double Active = 1e-5;

    /// <summary>The statistics of all tensors with data, largest sums first.</summary>
    public static IReadOnlyList<ImatrixTensorStatistics> Of(ImatrixData matrix)
    {
        Dictionary<string, double[]> means = matrix.Entries.ToDictionary(entry => entry.Key, entry => Means(entry.Value));
        return [.. means
            .Where(entry => entry.Value.Length > 0)
            .Select(entry => Of(entry.Key, entry.Value, Previous(entry.Key) is { } previous ? means.GetValueOrDefault(previous) : null))
            .OrderByDescending(statistics => statistics.Sum)];
    }

    private static ImatrixTensorStatistics Of(string name, double[] means, double[]? previous)
    {
        double sum = means.Sum();
        double mean = sum / means.Length;
        double deviation = Math.Sqrt(means.Sum(value => (value - mean) * (value - mean)) / means.Length);
        double entropy = sum > 0 ? -means.Where(value => value > 0).Sum(value => value / sum * Math.Log2(value / sum)) : 0;
        return new(
            name, sum, means.Min(), means.Max(), mean, deviation,
            means.Count(value => value > Active) / (double)means.Length,
            means.Length,
            entropy,
            means.Length > 1 ? entropy / Math.Log2(means.Length) : 0,
            deviation > 0 ? means.Count(value => (value - mean) / deviation > 1) / (double)means.Length : 0,
            previous?.Length == means.Length ? Cosine(means, previous) : null);
    }

    private static double[] Means(ImatrixSums sums)
    {
        double[] means = new double[sums.Squares.Length];
        for (int i = 0; i < means.Length; i++)
        {
            long count = sums.CountOf(i);
            means[i] = count > 0 ? sums.Squares[i] / count : 0;
        }
        return means;
    }

    private static double Cosine(double[] a, double[] b)
    {
        double product = 0, squareA = 0, squareB = 0;
        for (int i = 0; i < a.Length; i++)
        {
            product += a[i] * b[i];
            squareA += a[i] * a[i];
            squareB += b[i] * b[i];
        }
        return squareA > 0 && squareB > 0 ? product / Math.Sqrt(squareA * squareB) : 0;
    }

    private static string? Previous(string name) =>
        TensorNames.SplitLayer(name) is ( > 0 and ulong layer, string part) ? $"{TensorNames.LayerPrefix}{layer - 1}.{part}" : null;
}

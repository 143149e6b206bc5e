namespace GgufQuant.Evaluation.Perplexity;

/// <summary>The percentiles llama-perplexity prints, linearly interpolated.</summary>
/// <param name="Minimum">Smallest value.</param>
/// <param name="P001">0.1%.</param>
/// <param name="P01">1%.</param>
/// <param name="P05">5%.</param>
/// <param name="P10">10%.</param>
/// <param name="P25">25%.</param>
/// <param name="Median">50%.</param>
/// <param name="P75">75%.</param>
/// <param name="P90">90%.</param>
/// <param name="P95">95%.</param>
/// <param name="P99">99%.</param>
/// <param name="P999">99.9%.</param>
/// <param name="Maximum">Largest value.</param>
public sealed record Percentiles(
    double Minimum, double P001, double P01, double P05, double P10, double P25, double Median,
    double P75, double P90, double P95, double P99, double P999, double Maximum)
{
    /// <summary>The percentiles of one or more values in any order; they are sorted in place.</summary>
    public static Percentiles Of(Span<float> values)
    {
        values.Sort();
        return new(
            values[0], At(values, 0.001), At(values, 0.01), At(values, 0.05), At(values, 0.1), At(values, 0.25), At(values, 0.5),
            At(values, 0.75), At(values, 0.9), At(values, 0.95), At(values, 0.99), At(values, 0.999), values[^1]);
    }

    private static double At(ReadOnlySpan<float> sorted, double fraction)
    {
        double position = fraction * (sorted.Length - 1);
        int index = (int)position;
        double share = position - index;
        return ((1 - share) * sorted[index]) + (share * sorted[Math.Min(index + 1, sorted.Length - 1)]);
    }
}

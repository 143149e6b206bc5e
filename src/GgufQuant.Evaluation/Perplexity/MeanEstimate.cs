namespace GgufQuant.Evaluation.Perplexity;

/// <summary>A value with its standard error.</summary>
/// <param name="Value">The value.</param>
/// <param name="Error">Its standard error.</param>
public readonly record struct MeanEstimate(double Value, double Error)
{
    /// <summary>The mean of values with a given count, sum and sum of squares, and its standard error.</summary>
    /// <remarks>As in llama-perplexity, there is no error for ten values or fewer.</remarks>
    public static MeanEstimate FromSums(double sum, double sumOfSquares, long count)
    {
        if (count < 1)
            return default;
        double mean = sum / count;
        double variance = (sumOfSquares / count) - (mean * mean);
        return new(mean, variance > 0 && count > 10 ? Math.Sqrt(variance / (count - 1)) : 0);
    }

    /// <summary>The exponential, with its error propagated to first order.</summary>
    public MeanEstimate Exponential()
    {
        double value = Math.Exp(Value);
        return new(value, value * Error);
    }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Value:g6} ± {Error:g2}");
}

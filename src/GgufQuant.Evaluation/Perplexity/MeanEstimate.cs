namespace GgufQuant.Evaluation.Perplexity;

/// <summary>A value with its standard error.</summary>
/// <param name="Value">The value.</param>
/// <param name="Error">One standard error of it.</param>
public readonly record struct MeanEstimate(double Value, double Error)
{
    /// <summary>The mean of values given their count, sum and sum of squares, and the standard error of that mean.</summary>
    /// <remarks>As llama-perplexity has it: no error from ten values or fewer.</remarks>
    public static MeanEstimate FromSums(double sum, double sumOfSquares, long count)
    {
        if (count < 1)
            return default;
        double mean = sum / count;
        double variance = (sumOfSquares / count) - (mean * mean);
        return new(mean, variance > 0 && count > 10 ? Math.Sqrt(variance / (count - 1)) : 0);
    }

    /// <summary>The exponential of this, its error carried along to first order.</summary>
    public MeanEstimate Exponential()
    {
        double value = Math.Exp(Value);
        return new(value, value * Error);
    }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Value:g6} ± {Error:g2}");
}

namespace GgufQuant.Calibration;

/// <summary>The error that rounding a tensor causes in its outputs: Σ eᵀHe over its rows, where e is a row's error.</summary>
/// <param name="Value">The error.</param>
/// <param name="StandardError">Its standard error if it was estimated from a sample of rows; otherwise 0.</param>
public readonly record struct OutputError(double Value, double StandardError)
{
    /// <summary>The combined error of two independent sets of rows.</summary>
    internal OutputError Plus(OutputError other) =>
        new(Value + other.Value, Math.Sqrt((StandardError * StandardError) + (other.StandardError * other.StandardError)));

    /// <summary>Extrapolates from a sample of rows to all.</summary>
    /// <param name="sampled">The error of each sampled row.</param>
    /// <param name="rows">The number of all rows.</param>
    internal static OutputError Of(ReadOnlySpan<double> sampled, long rows)
    {
        double sum = 0;
        foreach (double row in sampled)
            sum += row;
        if (sampled.Length == rows || sampled.IsEmpty)
            return new(sum, 0);
        double mean = sum / sampled.Length;
        double squares = 0;
        foreach (double row in sampled)
            squares += (row - mean) * (row - mean);
        double variance = squares / Math.Max(1, sampled.Length - 1) / sampled.Length * (1 - ((double)sampled.Length / rows));
        return new(mean * rows, Math.Sqrt(variance) * rows);
    }
}

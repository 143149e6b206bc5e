namespace GgufQuant.Pipeline;

/// <summary>How far a conversion has come.</summary>
/// <param name="Tensor">The tensor that was worked on last.</param>
/// <param name="WeightsDone">Weights written.</param>
/// <param name="Weights">Weights in all.</param>
/// <param name="BytesRead">Bytes of the source read.</param>
/// <param name="SourceBytes">Bytes of the source's tensors in all.</param>
/// <param name="BytesWritten">Bytes written.</param>
/// <param name="Elapsed">Time since the start.</param>
public sealed record QuantizationProgress(
    string Tensor,
    long WeightsDone,
    long Weights,
    long BytesRead,
    long SourceBytes,
    long BytesWritten,
    TimeSpan Elapsed)
{
    /// <summary>Share of the weights that are written, 0 to 1.</summary>
    public double Share => Weights == 0 ? 1 : (double)WeightsDone / Weights;

    /// <summary>Weights per second so far.</summary>
    public double WeightsPerSecond => Elapsed > TimeSpan.Zero ? WeightsDone / Elapsed.TotalSeconds : 0;

    /// <summary>Time left at the rate so far; null before anything is written.</summary>
    public TimeSpan? Remaining => WeightsDone > 0 ? Elapsed * ((double)(Weights - WeightsDone) / WeightsDone) : null;
}

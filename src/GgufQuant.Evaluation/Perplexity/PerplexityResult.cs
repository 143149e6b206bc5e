using GgufQuant.Imatrix;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>A model's perplexity over a text.</summary>
/// <param name="Perplexity">exp of the mean negative log-probability of the scored tokens.</param>
/// <param name="ContextLength">Tokens per chunk.</param>
/// <param name="Range">Chunks evaluated.</param>
/// <param name="ScoredTokens">Predictions scored.</param>
/// <param name="Duration">Time taken.</param>
public sealed record PerplexityResult(MeanEstimate Perplexity, int ContextLength, ChunkRange Range, long ScoredTokens, TimeSpan Duration)
{
    /// <summary>Number of chunks evaluated.</summary>
    public int Chunks => Range.Count;

    /// <summary>Tokens evaluated per second.</summary>
    public double TokensPerSecond => (double)ContextLength * Chunks / Math.Max(Duration.TotalSeconds, 1e-9);
}

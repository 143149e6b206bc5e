namespace GgufQuant.Evaluation.Perplexity;

/// <summary>A model's perplexity over a text.</summary>
/// <param name="Perplexity">exp of the mean negative log-probability of the scored tokens.</param>
/// <param name="ContextLength">Tokens per chunk.</param>
/// <param name="Chunks">Chunks evaluated.</param>
/// <param name="ScoredTokens">Predictions scored.</param>
/// <param name="Duration">Time taken.</param>
public sealed record PerplexityResult(MeanEstimate Perplexity, int ContextLength, int Chunks, long ScoredTokens, TimeSpan Duration)
{
    /// <summary>Tokens evaluated per second.</summary>
    public double TokensPerSecond => (double)ContextLength * Chunks / Math.Max(Duration.TotalSeconds, 1e-9);
}

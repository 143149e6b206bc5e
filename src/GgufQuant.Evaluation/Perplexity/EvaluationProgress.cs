namespace GgufQuant.Evaluation.Perplexity;

/// <summary>How far an evaluation over a text has come.</summary>
/// <param name="Chunk">Chunks finished.</param>
/// <param name="Chunks">Chunks in all.</param>
/// <param name="Perplexity">Perplexity over the finished chunks.</param>
/// <param name="Elapsed">Time since the first chunk began.</param>
public sealed record EvaluationProgress(int Chunk, int Chunks, double Perplexity, TimeSpan Elapsed)
{
    /// <summary>Time left, from the mean time of a chunk.</summary>
    public TimeSpan Remaining => Chunk == 0 ? TimeSpan.Zero : Elapsed / Chunk * (Chunks - Chunk);
}

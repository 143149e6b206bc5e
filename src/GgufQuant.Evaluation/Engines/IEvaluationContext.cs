namespace GgufQuant.Evaluation.Engines;

/// <summary>Evaluates one sequence of tokens. Not thread-safe, but several threads may read <see cref="Logits"/> between evaluations.</summary>
public interface IEvaluationContext : IDisposable
{
    /// <summary>Maximum number of tokens it can hold.</summary>
    int ContextLength { get; }

    /// <summary>Maximum tokens per <see cref="Evaluate"/>.</summary>
    int BatchSize { get; }

    /// <summary>Removes all tokens.</summary>
    void Reset();

    /// <summary>Evaluates tokens that follow those already evaluated.</summary>
    /// <param name="tokens">1 to <see cref="BatchSize"/> ids of the vocabulary.</param>
    /// <param name="position">The position of the first one in the sequence.</param>
    /// <param name="firstOutput">The index in <paramref name="tokens"/> of the first token to compute logits for; the length for none.</param>
    /// <param name="cancellationToken">Cancels within the computation; the context must then be reset.</param>
    /// <exception cref="InferenceException">The engine reported a failure.</exception>
    void Evaluate(ReadOnlySpan<int> tokens, int position, int firstOutput, CancellationToken cancellationToken);

    /// <summary>The logits after a token of the last evaluation, one per vocabulary entry; valid until the next evaluation.</summary>
    /// <param name="index">Index in the last evaluation's tokens, not before its first output.</param>
    ReadOnlySpan<float> Logits(int index);
}

namespace GgufQuant.Evaluation.Engines;

/// <summary>One sequence of tokens being evaluated. Not thread-safe; <see cref="Logits"/> may be read from several threads between evaluations.</summary>
public interface IEvaluationContext : IDisposable
{
    /// <summary>Tokens it can hold.</summary>
    int ContextLength { get; }

    /// <summary>Most tokens of one <see cref="Evaluate"/>.</summary>
    int BatchSize { get; }

    /// <summary>Forgets all tokens.</summary>
    void Reset();

    /// <summary>Evaluates tokens after those already there.</summary>
    /// <param name="tokens">1 to <see cref="BatchSize"/> ids of the vocabulary.</param>
    /// <param name="position">The position of the first of them in the sequence.</param>
    /// <param name="firstOutput">The index in <paramref name="tokens"/> from which on logits are wanted; the length for none.</param>
    /// <param name="cancellationToken">Stops within the computation; the context must be reset then.</param>
    /// <exception cref="InferenceException">The engine reported a failure.</exception>
    void Evaluate(ReadOnlySpan<int> tokens, int position, int firstOutput, CancellationToken cancellationToken);

    /// <summary>The logits after a token of the last evaluation, one a vocabulary entry; valid until the next evaluation.</summary>
    /// <param name="index">Index in the last evaluation's tokens, at least its first output.</param>
    ReadOnlySpan<float> Logits(int index);
}

namespace GgufQuant.Evaluation.Engines;

/// <summary>Evaluates tokens of one or several sequences. Not thread-safe, but several threads may read <see cref="Logits"/> between evaluations.</summary>
public interface IEvaluationContext : IDisposable
{
    /// <summary>Maximum number of tokens it can hold.</summary>
    int ContextLength { get; }

    /// <summary>Maximum tokens per <see cref="Evaluate(ReadOnlySpan{int}, int, int, CancellationToken)"/>.</summary>
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

    /// <summary>Evaluates tokens of several sequences; a token of a common prefix is evaluated once.</summary>
    /// <param name="tokens">1 to <see cref="BatchSize"/> tokens. Those of a sequence follow one another, with those shared with other sequences first.</param>
    /// <param name="cancellationToken">Cancels within the computation; the context must then be reset.</param>
    /// <exception cref="InferenceException">The engine reported a failure.</exception>
    /// <exception cref="NotSupportedException">The engine evaluates single sequences only.</exception>
    void Evaluate(ReadOnlySpan<SequenceToken> tokens, CancellationToken cancellationToken) =>
        throw new NotSupportedException("This engine evaluates single sequences only.");

    /// <summary>The logits after a token of the last evaluation, one per vocabulary entry; valid until the next evaluation.</summary>
    /// <param name="index">Index in the last evaluation's tokens, of one whose logits were computed.</param>
    ReadOnlySpan<float> Logits(int index);
}

/// <summary>A token of one or several sequences.</summary>
/// <param name="Id">Its id in the vocabulary.</param>
/// <param name="Position">Its position in each of the sequences.</param>
/// <param name="FirstSequence">The first sequence, from 0.</param>
/// <param name="SequenceCount">The number of consecutive sequences it belongs to.</param>
/// <param name="HasOutput">Whether its logits are computed.</param>
public readonly record struct SequenceToken(int Id, int Position, int FirstSequence, int SequenceCount, bool HasOutput);

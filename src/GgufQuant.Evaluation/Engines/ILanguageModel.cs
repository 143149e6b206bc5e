namespace GgufQuant.Evaluation.Engines;

/// <summary>A loaded model: its vocabulary and, through contexts, its logits.</summary>
public interface ILanguageModel : IDisposable
{
    /// <summary>The file it was loaded from.</summary>
    string Path { get; }

    /// <summary>The engine's one-line description, for example <c>llama 1B Q4_K - Medium</c>.</summary>
    string Description { get; }

    /// <summary>Length of the context the model was trained with, in tokens.</summary>
    int TrainedContextLength { get; }

    /// <summary>The tokenizer's vocabulary.</summary>
    Vocabulary Vocabulary { get; }

    /// <summary>Tokenizes a text. Special tokens written in the text are treated as plain text unless <paramref name="parseSpecial"/> is set.</summary>
    int[] Tokenize(string text, bool addSpecial, bool parseSpecial = false);

    /// <summary>The text of tokens, including special tokens as written.</summary>
    string Detokenize(ReadOnlySpan<int> tokens);

    /// <summary>Whether a token ends generation (end of sequence, of turn, ...).</summary>
    bool IsEndOfGeneration(int token);

    /// <summary>Creates a context to evaluate tokens in; a model may have several.</summary>
    IEvaluationContext CreateContext(ContextOptions options);

    /// <summary>Whether the model computes with a weight tensor of that name, and it was loaded with <see cref="ModelOptions.IsWritable"/>.</summary>
    bool CanOverwrite(string weight) => false;

    /// <summary>Overwrites a part of a weight tensor in memory, also for existing contexts.</summary>
    /// <param name="weight">The tensor's name, for which <see cref="CanOverwrite"/> holds.</param>
    /// <param name="offset">Where the part starts, in bytes.</param>
    /// <param name="data">Its bytes, in the tensor's type.</param>
    void Overwrite(string weight, long offset, ReadOnlySpan<byte> data) =>
        throw new NotSupportedException($"The weights of '{Path}' cannot be overwritten.");
}

namespace GgufQuant.Evaluation.Engines;

/// <summary>A loaded model: its vocabulary and, through contexts, its logits.</summary>
public interface ILanguageModel : IDisposable
{
    /// <summary>The file it was loaded from.</summary>
    string Path { get; }

    /// <summary>The engine's one-line description, for example <c>llama 1B Q4_K - Medium</c>.</summary>
    string Description { get; }

    /// <summary>Tokens in the context the model was trained with.</summary>
    int TrainedContextLength { get; }

    /// <summary>The tokenizer's vocabulary.</summary>
    Vocabulary Vocabulary { get; }

    /// <summary>Token ids of a text. Special tokens written in the text are read as plain text unless <paramref name="parseSpecial"/>.</summary>
    int[] Tokenize(string text, bool addSpecial, bool parseSpecial = false);

    /// <summary>The text of token ids, special tokens included as written.</summary>
    string Detokenize(ReadOnlySpan<int> tokens);

    /// <summary>Whether a token ends the generation (end of sequence, of turn, ...).</summary>
    bool IsEndOfGeneration(int token);

    /// <summary>Makes a context to evaluate tokens in; a model may have several.</summary>
    IEvaluationContext CreateContext(ContextOptions options);
}

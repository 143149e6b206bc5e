namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>Settings for a vocabulary that do not come from its files.</summary>
internal sealed record VocabularyOptions
{
    /// <summary>The name for <c>tokenizer.ggml.pre</c>; null to recognize it by the tokenizer's output.</summary>
    public string? PreTokenizer { get; init; }

    /// <summary>Leaves out what cannot be read, and keeps the reason in <see cref="VocabularyKeys.Fault"/>.</summary>
    public bool IsTolerant { get; init; }

    /// <summary>The model's configuration with defaults filled in; null for the folder's own.</summary>
    public ModelConfig? Config { get; init; }
}

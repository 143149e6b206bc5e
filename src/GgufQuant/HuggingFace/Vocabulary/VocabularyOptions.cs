namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>What a vocabulary is given from outside its files.</summary>
internal sealed record VocabularyOptions
{
    /// <summary>The name for <c>tokenizer.ggml.pre</c>, in place of the one that the tokenizer's output is recognized by; null to recognize it.</summary>
    public string? PreTokenizer { get; init; }

    /// <summary>The model's configuration with what config.json leaves to be filled in; null for the folder's own.</summary>
    public ModelConfig? Config { get; init; }
}

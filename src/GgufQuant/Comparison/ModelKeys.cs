namespace GgufQuant.Comparison;

/// <summary>The metadata keys that tell what a model is.</summary>
internal static class ModelKeys
{
    public const string Architecture = "general.architecture";
    public const string FileType = "general.file_type";
    public const string Kind = "general.type";
    public const string QuantizationVersion = "general.quantization_version";
    public const string Tokens = "tokenizer.ggml.tokens";
    public const string TokenScores = "tokenizer.ggml.scores";
    public const string TokenTypes = "tokenizer.ggml.token_type";

    public static string BlockCount(string architecture) => $"{architecture}.block_count";

    public static string EmbeddingLength(string architecture) => $"{architecture}.embedding_length";
}

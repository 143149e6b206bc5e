namespace GgufQuant.Gguf;

/// <summary>The standardized keys of GGUF's specification, as far as they are read or written here.</summary>
public static class GgufKeys
{
    /// <summary>The model's architecture, which prefixes the keys of its own.</summary>
    public const string Architecture = "general.architecture";

    /// <summary>The model's name.</summary>
    public const string Name = "general.name";

    /// <summary>What the file holds: a model, an adapter, an importance matrix.</summary>
    public const string Kind = "general.type";

    /// <summary>The number of the mix that a file was quantized to.</summary>
    public const string FileType = "general.file_type";

    /// <summary>The version of the quantized blocks' layouts.</summary>
    public const string QuantizationVersion = "general.quantization_version";

    /// <summary>The calibration whose moments the weights were rounded with; not of the specification.</summary>
    public const string CalibrationId = "quantize.calibration.id";

    /// <summary>What the offsets of tensors are multiples of, in bytes; the one key whose type is prescribed, an unsigned integer of 32 bits.</summary>
    public const string Alignment = "general.alignment";

    /// <summary>The tokens' texts.</summary>
    public const string Tokens = "tokenizer.ggml.tokens";

    /// <summary>The tokens' scores.</summary>
    public const string TokenScores = "tokenizer.ggml.scores";

    /// <summary>The tokens' kinds.</summary>
    public const string TokenTypes = "tokenizer.ggml.token_type";

    /// <summary>How many chunks of text an importance matrix was collected from.</summary>
    public const string ImatrixChunkCount = "imatrix.chunk_count";

    /// <summary>How many blocks a model of an architecture has.</summary>
    public static string BlockCount(string architecture) => $"{architecture}.block_count";

    /// <summary>How many values a model of an architecture has for a token.</summary>
    public static string EmbeddingLength(string architecture) => $"{architecture}.embedding_length";
}

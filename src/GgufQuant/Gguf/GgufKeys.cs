namespace GgufQuant.Gguf;

/// <summary>The GGUF specification's standardized keys that are read or written here.</summary>
public static class GgufKeys
{
    /// <summary>The model's architecture, which prefixes its own keys.</summary>
    public const string Architecture = "general.architecture";

    /// <summary>The model's name.</summary>
    public const string Name = "general.name";

    /// <summary>What the file holds: a model, an adapter, an importance matrix.</summary>
    public const string Kind = "general.type";

    /// <summary>The number of the file type that the file was quantized to.</summary>
    public const string FileType = "general.file_type";

    /// <summary>The version of the quantized blocks' layouts.</summary>
    public const string QuantizationVersion = "general.quantization_version";

    /// <summary>The importance matrix that the file was quantized with, as llama-quantize records it.</summary>
    public const string QuantizationMatrix = "quantize.imatrix.file";

    /// <summary>The text that this matrix was collected from.</summary>
    public const string QuantizationDataset = "quantize.imatrix.dataset";

    /// <summary>The calibration whose moments the weights were rounded with; not of the specification.</summary>
    public const string CalibrationId = "quantize.calibration.id";

    /// <summary>The alignment of tensor data, in bytes; the only key with a prescribed type, UInt32.</summary>
    public const string Alignment = "general.alignment";

    /// <summary>The tokens' texts.</summary>
    public const string Tokens = "tokenizer.ggml.tokens";

    /// <summary>The tokens' scores.</summary>
    public const string TokenScores = "tokenizer.ggml.scores";

    /// <summary>The tokens' kinds.</summary>
    public const string TokenTypes = "tokenizer.ggml.token_type";

    /// <summary>Number of text chunks an importance matrix was collected from.</summary>
    public const string ImatrixChunkCount = "imatrix.chunk_count";

    /// <summary>Number of blocks in a model of an architecture.</summary>
    public static string BlockCount(string architecture) => $"{architecture}.block_count";
}

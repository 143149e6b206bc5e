using GgufQuant.Gguf;

namespace GgufQuant.Imatrix;

/// <summary>The keys and tensor names of llama-imatrix's GGUF files.</summary>
internal static class ImatrixKeys
{
    /// <summary>The <c>general.type</c>.</summary>
    public const string Kind = "imatrix";

    /// <summary>The texts it was collected from.</summary>
    public const string Datasets = "imatrix.datasets";

    /// <summary>Chunks of text it was collected from.</summary>
    public const string ChunkCount = GgufKeys.ImatrixChunkCount;

    /// <summary>Tokens per chunk.</summary>
    public const string ChunkSize = "imatrix.chunk_size";

    /// <summary>What follows a weight tensor's name in that of its sums.</summary>
    public const string SumsSuffix = ".in_sum2";

    /// <summary>What follows a weight tensor's name in that of its counts.</summary>
    public const string CountsSuffix = ".counts";

    /// <summary>What follows a weight tensor's name in that of its sums in full, which only parts have and llama.cpp ignores.</summary>
    /// <remarks>F64, the sums and then their corrections. No longer than <see cref="SumsSuffix"/>, so that the name fits wherever that one does.</remarks>
    public const string PreciseSuffix = ".precise";

    /// <summary>In a part, a hash of the text and of its division into chunks.</summary>
    public const string PartText = "imatrix.part.text_hash";

    /// <summary>In a part, a hash of the model.</summary>
    public const string PartModel = "imatrix.part.model_hash";

    /// <summary>In a part, the number of chunks before its own.</summary>
    public const string PartFirst = "imatrix.part.first_chunk";

    /// <summary>In a part, the number of its chunks.</summary>
    public const string PartCount = "imatrix.part.chunk_count";

    /// <summary>In a part, the number of chunks of the whole text.</summary>
    public const string PartTotal = "imatrix.part.total_chunks";
}

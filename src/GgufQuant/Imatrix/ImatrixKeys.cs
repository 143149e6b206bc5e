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
}

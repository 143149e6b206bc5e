namespace GgufQuant.Models;

/// <summary>What the indexer of sparse attention caches.</summary>
internal enum IndexerKind
{
    None,

    /// <summary>A key per token in each layer (DeepSeek sparse attention).</summary>
    Keys,

    /// <summary>The same, in the layers that the file lists or else in all.</summary>
    ListedKeys,

    /// <summary>A key and a value per token in each layer after the dense ones (MiniMax sparse attention).</summary>
    KeysAndValues,

    /// <summary>A key per token in the layers whose attention selects blocks of tokens.</summary>
    CompressedLayers,

    /// <summary>Keys of compressed tokens besides a window of uncompressed ones (DeepSeek V4).</summary>
    Compressed,
}

/// <summary>The layers with an indexer.</summary>
internal static class IndexerKinds
{
    // The number of tokens that DeepSeek V4 compresses into one in layers with an indexer.
    private const long IndexedRatio = 4;

    /// <summary>For each layer, whether it has an indexer.</summary>
    /// <remarks>The filters of <c>llama_model::create_memory</c>.</remarks>
    internal static bool[] LayersOf(this IndexerKind kind, ShapeKeys keys, IReadOnlyList<long> compressionRatios, int layers)
    {
        long[]? listed = kind == IndexerKind.ListedKeys ? keys.FindArray("attention.indexer.types") : null;
        long dense = keys.Number("leading_dense_block_count");
        return [.. Enumerable.Range(0, layers).Select(layer => kind switch
        {
            IndexerKind.Keys => true,
            IndexerKind.ListedKeys => listed is null || (layer < listed.Length && listed[layer] != 0),
            IndexerKind.KeysAndValues => layer >= dense,
            IndexerKind.CompressedLayers => compressionRatios[layer] > 0,
            IndexerKind.Compressed => compressionRatios[layer] == IndexedRatio,
            _ => false,
        })];
    }
}

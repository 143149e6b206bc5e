using GgufQuant.Formats;

namespace GgufQuant.Models;

/// <summary>The size of the key-value cache.</summary>
/// <remarks>
/// <c>llama_kv_cache</c>, and the caches built from it: <c>llama_kv_cache_iswa</c> for windows, <c>_dsa</c> and <c>_msa</c> for
/// indexers, <c>_dsv4</c> for compressed keys.
/// </remarks>
internal static class KeyValueCache
{
    // A layer that compresses tokens, by one of DeepSeek V4's two ratios, has a cache of them besides the window.
    private static readonly long[] s_compressionRatios = [4, 128];

    /// <summary>Bytes of each layer's keys and values, in the order of <see cref="ModelShape.LayerShapes"/>.</summary>
    internal static Int128[] BytesOf(ModelShape shape, ContextPlan plan)
    {
        IndexerKind indexer = ArchitectureMemory.Of(shape.Architecture).Indexer;
        // Without flash attention, llama.cpp transposes values and makes those of all layers as wide as the widest.
        long widestValue = shape.LayerShapes.Select(ValueWidth).DefaultIfEmpty().Max();
        return [.. shape.LayerShapes.Select(layer => layer.HasCache ? LayerBytes(layer) * plan.Sequences : 0)];

        Int128 LayerBytes(LayerShape layer)
        {
            long cells = layer.HasWindow ? plan.CellsWithin(shape.SlidingWindow) : plan.Cells;
            bool isCompressed = indexer == IndexerKind.Compressed;
            long value = isCompressed ? 0 : plan.Options.FlashAttention || shape.ValueLength == 0 ? ValueWidth(layer) : widestValue;
            Int128 bytes = Bytes(KeyWidth(layer), value, cells);
            if (isCompressed && s_compressionRatios.Contains(layer.CompressionRatio))
                bytes += Bytes(KeyWidth(layer), 0, plan.CompressedCells(layer.CompressionRatio));
            if (layer.IndexerKeyLength > 0)
            {
                bytes += Bytes(
                    layer.IndexerKeyLength,
                    indexer == IndexerKind.KeysAndValues ? layer.ValueLength : 0,
                    isCompressed ? plan.CompressedCells(layer.CompressionRatio) : cells);
            }
            return bytes;
        }

        Int128 Bytes(long keys, long values, long cells) =>
            (RowBytes(plan.Options.KeyType, keys) + RowBytes(plan.Options.ValueType, values)) * cells;
    }

    private static long KeyWidth(LayerShape layer) => Bounded((Int128)layer.KeyLength * layer.KeyValueHeads);

    private static long ValueWidth(LayerShape layer) => Bounded((Int128)layer.ValueLength * layer.KeyValueHeads);

    private static Int128 RowBytes(CacheType type, long width)
    {
        BlockFormat format = BlockFormat.Of(Enum.Parse<GgmlType>(type.ToString()));
        return (Int128)width * format.BlockBytes / format.BlockSize;
    }

    private static long Bounded(Int128 value) => value > long.MaxValue ? long.MaxValue : (long)value;
}

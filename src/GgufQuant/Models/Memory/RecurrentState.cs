namespace GgufQuant.Models;

/// <summary>The size of the recurrent states.</summary>
internal static class RecurrentState
{
    // DeepSeek V4's compressors keep twice as many tokens as they compress in layers with an indexer.
    private const long IndexedRatio = 4;

    /// <summary>Bytes of each layer's states, in 32-bit floats, in the order of <see cref="ModelShape.LayerShapes"/>.</summary>
    /// <remarks><c>llama_memory_recurrent</c>, and <c>llama_dsv4_comp_state</c> for compressors.</remarks>
    internal static Int128[] BytesOf(ModelShape shape, ContextPlan plan)
    {
        bool hasCompressors = ArchitectureMemory.Of(shape.Architecture).Indexer == IndexerKind.Compressed;
        return
        [
            .. shape.LayerShapes.Select(layer =>
                ((layer.HasState ? shape.RecurrentState : 0) + (hasCompressors ? CompressorFloats(layer) : 0)) * plan.Sequences * sizeof(float)),
        ];
    }

    // Values and scores, for the compressed keys and for the indexer's.
    private static Int128 CompressorFloats(LayerShape layer) => layer.CompressionRatio switch
    {
        0 => 0,
        IndexedRatio => 2 * (Int128)(2 * IndexedRatio) * 2 * (layer.KeyLength + layer.IndexerKeyLength),
        long ratio => 2 * (Int128)ratio * layer.KeyLength,
    };
}

namespace GgufQuant.Models;

/// <summary>The size of the recurrent states.</summary>
internal static class RecurrentState
{
    // DeepSeek V4's compressors keep twice the tokens that they compress where an indexer chooses among these.
    private const long IndexedRatio = 4;

    /// <summary>Bytes of all layers' states, in 32-bit floats.</summary>
    /// <remarks><c>llama_memory_recurrent</c>, and <c>llama_dsv4_comp_state</c> for compressors.</remarks>
    internal static Int128 BytesOf(ModelShape shape, ContextPlan plan)
    {
        Int128 floats = (Int128)shape.RecurrentState * shape.LayerShapes.Count(layer => layer.HasState);
        if (ArchitectureMemory.Of(shape.Architecture).Indexer == IndexerKind.Compressed)
            floats += shape.LayerShapes.Aggregate((Int128)0, (sum, layer) => sum + CompressorFloats(layer));
        return floats * plan.Sequences * sizeof(float);
    }

    // Values and scores, of the compressed keys and of the indexer's.
    private static Int128 CompressorFloats(LayerShape layer) => layer.CompressionRatio switch
    {
        0 => 0,
        IndexedRatio => 2 * (Int128)(2 * IndexedRatio) * 2 * (layer.KeyLength + layer.IndexerKeyLength),
        long ratio => 2 * (Int128)ratio * layer.KeyLength,
    };
}

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>Where a reference's predictions come from: its model, evaluated beside the candidate, or a file.</summary>
internal interface IReferenceSource
{
    /// <summary>Prepares a batch's scored predictions.</summary>
    /// <param name="chunk">The chunk; batches of a chunk follow each other from its beginning.</param>
    /// <param name="tokens">The chunk's tokens as evaluated.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="cancellationToken">Stops within the computation.</param>
    void Advance(int chunk, int[] tokens, ChunkBatch batch, CancellationToken cancellationToken);

    /// <summary>One of the batch's scored predictions; may be asked from several threads.</summary>
    /// <param name="row">Its number among them.</param>
    /// <param name="scratch">Memory the result may lie in, kept by the caller's thread.</param>
    TokenDistribution Row(int row, ref float[] scratch);
}

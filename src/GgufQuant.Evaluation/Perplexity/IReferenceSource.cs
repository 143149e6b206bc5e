namespace GgufQuant.Evaluation.Perplexity;

/// <summary>The source of a reference's predictions: its model, evaluated alongside the candidate, or a file.</summary>
internal interface IReferenceSource
{
    /// <summary>Prepares a batch's scored predictions.</summary>
    /// <param name="chunk">The chunk; its batches come in order from its start.</param>
    /// <param name="tokens">The chunk's tokens as evaluated.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="cancellationToken">Cancels within the computation.</param>
    void Advance(int chunk, int[] tokens, ChunkBatch batch, CancellationToken cancellationToken);

    /// <summary>One of the batch's scored predictions; thread-safe.</summary>
    /// <param name="row">Its index among them.</param>
    /// <param name="scratch">Memory for the result, owned by the calling thread.</param>
    TokenDistribution Row(int row, ref float[] scratch);
}

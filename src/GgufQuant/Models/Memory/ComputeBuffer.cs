namespace GgufQuant.Models;

/// <summary>The size of the buffers for intermediate results.</summary>
internal static class ComputeBuffer
{
    /// <summary>Bytes for the evaluation of one batch, dominated by its logits or by the widest layer.</summary>
    internal static Int128 BytesOf(ModelShape shape, ContextPlan plan)
    {
        long widest = Math.Max(shape.VocabularySize, 2 * shape.FeedForwardLength);
        return (Int128)(widest + shape.EmbeddingLength) * plan.Options.BatchSize * sizeof(float);
    }
}

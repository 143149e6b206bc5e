using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>The reference model itself, evaluated side by side with the candidate: no logits are stored.</summary>
internal sealed class LiveReference(IEvaluationContext context) : IReferenceSource
{
    private ChunkBatch _batch;

    public void Advance(int chunk, int[] tokens, ChunkBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Start == 0)
            context.Reset();
        context.Evaluate(tokens.AsSpan(batch.Start, batch.Length), batch.Start, batch.FirstScored, cancellationToken);
        _batch = batch;
    }

    public TokenDistribution Row(int row, ref float[] scratch) => TokenDistribution.FromLogits(context.Logits(_batch.FirstScored + row));
}

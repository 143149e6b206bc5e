using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>The reference model, evaluated the first time a batch is requested, and cached from then on.</summary>
internal sealed class RecordedReference(IEvaluationContext context, CorpusChunks corpus, int vocabularySize) : IReferenceSource
{
    private readonly LiveReference _live = new(context);
    private readonly float[]?[] _rows = new float[corpus.Count * corpus.ScoredPerChunk][];
    private int _first;

    /// <summary>Bytes that the logits of a text take.</summary>
    public static long BytesOf(CorpusChunks corpus, int vocabularySize) =>
        (long)corpus.Count * corpus.ScoredPerChunk * vocabularySize * sizeof(float);

    public void Advance(int chunk, int[] tokens, ChunkBatch batch, CancellationToken cancellationToken)
    {
        _first = (chunk * corpus.ScoredPerChunk) + batch.Start + batch.FirstScored - corpus.FirstScored;
        // The batches before the first scored token leave nothing to cache, but the chunk's later ones depend on them.
        if (IsRecorded(chunk))
            return;
        _live.Advance(chunk, tokens, batch, cancellationToken);
        for (int row = 0; row < batch.Scored; row++)
        {
            float[] logits = new float[vocabularySize];
            context.Logits(batch.FirstScored + row).CopyTo(logits);
            _rows[_first + row] = logits;
        }
    }

    public TokenDistribution Row(int row, ref float[] scratch) => TokenDistribution.FromLogits(_rows[_first + row]);

    private bool IsRecorded(int chunk) => _rows[((chunk + 1) * corpus.ScoredPerChunk) - 1] is not null;
}

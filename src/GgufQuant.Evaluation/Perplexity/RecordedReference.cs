using GgufQuant.Evaluation.Engines;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>The reference model, evaluated the first time a batch is requested, and cached from then on.</summary>
/// <param name="context">The model's context.</param>
/// <param name="corpus">The text.</param>
/// <param name="vocabularySize">Tokens in the model's vocabulary.</param>
/// <param name="threads">Threads that copy logits.</param>
internal sealed class RecordedReference(IEvaluationContext context, CorpusChunks corpus, int vocabularySize, int threads) : IReferenceSource, IDisposable
{
    private readonly LiveReference _live = new(context);
    private readonly LogitsMemory _logits = new((long)corpus.Count * corpus.ScoredPerChunk, vocabularySize);
    private readonly bool[] _isRecorded = new bool[corpus.Count];
    private long _first;

    /// <summary>Bytes that the logits of a text take.</summary>
    public static long BytesOf(CorpusChunks corpus, int vocabularySize) =>
        (long)corpus.Count * corpus.ScoredPerChunk * vocabularySize * sizeof(float);

    public void Advance(int chunk, int[] tokens, ChunkBatch batch, CancellationToken cancellationToken)
    {
        _first = ((long)chunk * corpus.ScoredPerChunk) + batch.Start + batch.FirstScored - corpus.FirstScored;
        // The batches before the first scored token leave nothing to cache, but the chunk's later ones depend on them.
        if (_isRecorded[chunk])
            return;
        _live.Advance(chunk, tokens, batch, cancellationToken);
        ParallelLoop.For(batch.Scored, threads, row => context.Logits(batch.FirstScored + row).CopyTo(_logits[_first + row]), cancellationToken);
        _isRecorded[chunk] = batch.Start + batch.Length == corpus.ContextLength;
    }

    public TokenDistribution Row(int row, ref float[] scratch) => TokenDistribution.FromLogits(_logits[_first + row]);

    /// <inheritdoc/>
    public void Dispose() => _logits.Dispose();
}

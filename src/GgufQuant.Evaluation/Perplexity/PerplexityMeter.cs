using System.Diagnostics;
using GgufQuant.Evaluation.Engines;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>Measures perplexity by llama-perplexity's method: chunks of one context each, the predictions of each chunk's second half scored.</summary>
public static class PerplexityMeter
{
    /// <summary>Measures a model's perplexity over a text.</summary>
    /// <param name="context">The model's context, at least one chunk long.</param>
    /// <param name="corpus">The text.</param>
    /// <param name="threads">Threads for scoring; the context has its own.</param>
    /// <param name="logits">Receives the model's logits; null to keep none.</param>
    /// <param name="progress">Reports after each chunk.</param>
    /// <param name="cancellationToken">Cancels within a chunk.</param>
    public static PerplexityResult Measure(
        IEvaluationContext context,
        CorpusChunks corpus,
        int threads,
        LogitsWriter? logits = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Measure(context, corpus, threads, allOutputs: false, logits, progress, cancellationToken);

    /// <summary>The same; <paramref name="allOutputs"/> computes all logits, since llama.cpp otherwise skips tokens in the last layer.</summary>
    internal static PerplexityResult Measure(
        IEvaluationContext context,
        CorpusChunks corpus,
        int threads,
        bool allOutputs,
        LogitsWriter? logits,
        IProgress<WorkProgress>? progress,
        CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        NegativeLogLikelihood total = default;
        double[] losses = new double[context.BatchSize];
        threads = Math.Max(1, threads);
        for (int chunk = 0; chunk < corpus.Count; chunk++)
        {
            int[] tokens = corpus.Evaluated(chunk);
            context.Reset();
            foreach (ChunkBatch batch in corpus.Batches(context.BatchSize))
            {
                context.Evaluate(tokens.AsSpan(batch.Start, batch.Length), batch.Start, allOutputs ? 0 : batch.FirstScored, cancellationToken);
                ParallelLoop.For(batch.Scored, threads, row =>
                {
                    ReadOnlySpan<float> values = context.Logits(batch.FirstScored + row);
                    int target = corpus.Target(chunk, batch.Start + batch.FirstScored + row);
                    losses[row] = -TokenDistribution.FromLogits(values).LogProbability(target);
                    logits?.Encode(row, values);
                }, cancellationToken);
                for (int row = 0; row < batch.Scored; row++)
                    total.Add(losses[row]);
                logits?.Flush(batch.Scored);
            }
            progress?.Report(corpus.Progress(chunk, total.Perplexity.Value, started));
        }
        return new(total.Perplexity, corpus.ContextLength, corpus.Range, total.Count, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>The perplexity of predictions that already exist or are computed on demand.</summary>
    internal static PerplexityResult Measure(
        IReferenceSource source, CorpusChunks corpus, int batchSize, int threads, IProgress<WorkProgress>? progress, CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        NegativeLogLikelihood total = default;
        double[] losses = new double[batchSize];
        threads = Math.Max(1, threads);
        for (int chunk = 0; chunk < corpus.Count; chunk++)
        {
            int[] tokens = corpus.Evaluated(chunk);
            foreach (ChunkBatch batch in corpus.Batches(batchSize))
            {
                source.Advance(chunk, tokens, batch, cancellationToken);
                ParallelLoop.For(batch.Scored, threads, () => (float[])[], (row, scratch) =>
                {
                    losses[row] = -source.Row(row, ref scratch).LogProbability(corpus.Target(chunk, batch.Start + batch.FirstScored + row));
                    return scratch;
                }, cancellationToken);
                for (int row = 0; row < batch.Scored; row++)
                    total.Add(losses[row]);
            }
            progress?.Report(corpus.Progress(chunk, total.Perplexity.Value, started));
        }
        return new(total.Perplexity, corpus.ContextLength, corpus.Range, total.Count, Stopwatch.GetElapsedTime(started));
    }
}

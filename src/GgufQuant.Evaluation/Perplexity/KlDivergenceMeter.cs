using System.Diagnostics;
using GgufQuant.Evaluation.Engines;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>Measures the Kullback-Leibler divergence between a reference's and a candidate's predictions by llama-perplexity's method.</summary>
public static class KlDivergenceMeter
{
    /// <summary>Evaluates both models side by side, chunk by chunk; no logits are stored.</summary>
    /// <param name="reference">The reference's context.</param>
    /// <param name="candidate">The candidate's context, with the same batch size.</param>
    /// <param name="corpus">The text.</param>
    /// <param name="threads">Threads for scoring; the contexts have their own.</param>
    /// <param name="progress">Reports after each chunk, with the candidate's perplexity.</param>
    /// <param name="cancellationToken">Cancels within a chunk.</param>
    public static KlDivergenceResult Measure(
        IEvaluationContext reference,
        IEvaluationContext candidate,
        CorpusChunks corpus,
        int threads,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        if (reference.BatchSize != candidate.BatchSize)
            throw new ArgumentException($"The contexts' batch sizes differ: {reference.BatchSize} and {candidate.BatchSize}.", nameof(candidate));
        return Measure(new LiveReference(reference), candidate, corpus, threads, keepsRecords: false, progress, cancellationToken);
    }

    /// <summary>Evaluates the candidate against predictions from any source.</summary>
    internal static KlDivergenceResult Measure(
        IReferenceSource reference,
        IEvaluationContext candidate,
        CorpusChunks corpus,
        int threads,
        bool keepsRecords,
        IProgress<WorkProgress>? progress,
        CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        KlDivergenceSums sums = new(keepsRecords);
        Prediction[] predictions = new Prediction[candidate.BatchSize];
        threads = Math.Max(1, threads);
        for (int chunk = 0; chunk < corpus.Count; chunk++)
        {
            int[] tokens = corpus.Evaluated(chunk);
            candidate.Reset();
            foreach (ChunkBatch batch in corpus.Batches(candidate.BatchSize))
            {
                reference.Advance(chunk, tokens, batch, cancellationToken);
                candidate.Evaluate(tokens.AsSpan(batch.Start, batch.Length), batch.Start, batch.FirstScored, cancellationToken);
                ParallelLoop.For(batch.Scored, threads, () => (float[])[], (row, scratch) =>
                {
                    int target = corpus.Target(chunk, batch.Start + batch.FirstScored + row);
                    TokenDistribution expected = reference.Row(row, ref scratch);
                    TokenDistribution actual = TokenDistribution.FromLogits(candidate.Logits(batch.FirstScored + row));
                    predictions[row] = new(
                        -actual.LogProbability(target), -expected.LogProbability(target), expected.DivergenceOf(actual), expected.Top == actual.Top);
                    return scratch;
                }, cancellationToken);
                // In order, so that the sums do not depend on the number of threads.
                foreach (ref readonly Prediction prediction in predictions.AsSpan(0, batch.Scored))
                    sums.Add(prediction);
            }
            progress?.Report(corpus.Progress(chunk, sums.Perplexity, started));
        }
        return sums.Summarize(corpus.ContextLength, corpus.Range, Stopwatch.GetElapsedTime(started));
    }
}

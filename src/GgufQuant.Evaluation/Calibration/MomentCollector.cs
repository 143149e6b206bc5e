using System.Diagnostics;
using GgufQuant.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>Collects the second moments of the inputs of a model's weights, over all positions of a text.</summary>
internal static class MomentCollector
{
    private const int ProbeChunks = 4;

    /// <summary>Finds the inputs, with one chunk of the text.</summary>
    /// <exception cref="CorpusTooShortException">The text has fewer tokens than two chunks.</exception>
    public static DiscoveredInputs Discover(ILanguageModel model, string text, ImatrixOptions options)
    {
        CorpusChunks corpus = CorpusOf(model, text, options);
        InputDiscovery discovery = new();
        ContextOptions contextOptions = new() { ContextLength = corpus.ContextLength, Threads = options.Threads, Observer = discovery };
        using IEvaluationContext context = model.CreateContext(contextOptions);
        long start = Stopwatch.GetTimestamp();
        PerplexityMeter.Measure(context, corpus.First(), 1, allOutputs: true, null, null, CancellationToken.None);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        int probes = Math.Min(ProbeChunks, corpus.Count);
        int[] tokens = [.. Enumerable.Range(0, probes).SelectMany(probe => corpus.Evaluated(probe * corpus.Count / probes))];
        IReadOnlyList<CalibratedInput> inputs = discovery.Inputs;
        int widest = inputs.Select(input => input.Columns).DefaultIfEmpty(1).Max();
        return new(inputs, corpus.Count, corpus.ContextLength, tokens)
        {
            ChunkSeconds = seconds,
            ProductsPerSecond = MomentSums.MeasureSpeed(widest, contextOptions.EffectiveThreads),
        };
    }

    /// <summary>Collects the moments of some inputs.</summary>
    /// <param name="model">The model, preferably in its highest precision.</param>
    /// <param name="text">The text; each chunk is evaluated independently.</param>
    /// <param name="options">How to run the model.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="withMatrix">Whether to collect an importance matrix as well.</param>
    /// <param name="progress">Receives progress after each chunk.</param>
    /// <exception cref="InferenceException">An input is not finite, or the model no longer has it.</exception>
    public static (IReadOnlyList<MomentSums[]> Sums, ImatrixData? Matrix, PerplexityResult Perplexity) Collect(
        ILanguageModel model, string text, ImatrixOptions options, IReadOnlyList<CalibratedInput> inputs, bool withMatrix, IProgress<WorkProgress>? progress)
    {
        CorpusChunks corpus = CorpusOf(model, text, options);
        ImatrixData? matrix = withMatrix ? new(corpus.ContextLength) : null;
        ContextOptions contextOptions = new() { ContextLength = corpus.ContextLength, Threads = options.Threads };
        MomentObserver observer = new(inputs, matrix is null ? null : new(matrix, includeOutput: true), contextOptions.EffectiveThreads);
        using IEvaluationContext context = model.CreateContext(contextOptions with { Observer = observer });
        PerplexityResult perplexity = PerplexityMeter.Measure(
            context, corpus, contextOptions.EffectiveThreads, allOutputs: true, null, progress, CancellationToken.None);
        foreach ((string name, MomentSums[] sums) in observer.Sums)
        {
            if (sums.All(matrix => matrix.Tokens == 0))
                throw new InferenceException($"The model did not use '{name}' again.");
            if (!sums.All(matrix => matrix.AreFinite))
                throw new InferenceException($"The input of '{name}' contains values that are not finite, so it has no moments.");
        }
        return ([.. inputs.Select(input => observer.Sums[input.Name])], matrix, perplexity);
    }

    private static CorpusChunks CorpusOf(ILanguageModel model, string text, ImatrixOptions options) => CorpusChunks.Create(
        model, text, options.ContextLength ?? CorpusChunks.DefaultContextLength(model), options.Chunks, options.SkipChunks, options.ParseSpecial);
}

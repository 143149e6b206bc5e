using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Imatrix;

/// <summary>Collects importance matrices: Σx² per input column of each weight tensor, over a text.</summary>
public static class ImatrixCollector
{
    /// <summary>Runs a model over a text and adds what its weights are multiplied with.</summary>
    /// <param name="model">The model, best in its highest precision.</param>
    /// <param name="text">The text; each chunk of it is evaluated on its own.</param>
    /// <param name="options">How.</param>
    /// <param name="matrix">What was collected before; null to begin.</param>
    /// <param name="progress">Told after each chunk on the evaluating thread, when the matrix is whole and may be written.</param>
    /// <param name="cancellationToken">Stops within a chunk; <paramref name="matrix"/> then holds part of that chunk and should not be kept.</param>
    /// <returns>The matrix with this text's sums added, and the model's perplexity over the text.</returns>
    /// <exception cref="CorpusTooShortException">The text has fewer tokens than two chunks.</exception>
    public static (CollectedImatrix Matrix, PerplexityResult Perplexity) Collect(
        ILanguageModel model,
        string text,
        ImatrixOptions options,
        CollectedImatrix? matrix = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        int contextLength = options.ContextLength ?? CorpusChunks.DefaultContextLength(model);
        CorpusChunks corpus = CorpusChunks.Create(model, text, contextLength, options.Chunks, options.SkipChunks, options.ParseSpecial);
        matrix ??= new(contextLength);
        ContextOptions contextOptions = new()
        {
            ContextLength = contextLength,
            Threads = options.Threads,
            Observer = new ImatrixObserver(matrix, options.IncludeOutput),
        };
        using IEvaluationContext context = model.CreateContext(contextOptions);
        PerplexityResult perplexity = PerplexityMeter.Measure(
            context, corpus, contextOptions.EffectiveThreads, allOutputs: true, null, progress, cancellationToken);
        return (matrix, perplexity);
    }
}

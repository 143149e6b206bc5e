using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Imatrix;

/// <summary>Collects importance matrices: Σx² per input column of each weight tensor over a text.</summary>
public static class ImatrixCollector
{
    /// <summary>Runs a model over a text and accumulates the inputs of its weights.</summary>
    /// <param name="model">The model, preferably in its highest precision.</param>
    /// <param name="text">The text; each chunk is evaluated independently.</param>
    /// <param name="options">Options of the collection.</param>
    /// <param name="matrix">The matrix collected so far; null to start a new one.</param>
    /// <param name="progress">Reports after each chunk on the evaluating thread, when the matrix is consistent and may be written.</param>
    /// <param name="cancellationToken">Cancels within a chunk; <paramref name="matrix"/> then contains part of that chunk and should be discarded.</param>
    /// <returns>The matrix with this text's sums added, and the model's perplexity over the text.</returns>
    /// <exception cref="CorpusTooShortException">The text has fewer tokens than two chunks.</exception>
    public static (ImatrixData Matrix, PerplexityResult Perplexity) Collect(
        ILanguageModel model,
        string text,
        ImatrixOptions options,
        ImatrixData? matrix = null,
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

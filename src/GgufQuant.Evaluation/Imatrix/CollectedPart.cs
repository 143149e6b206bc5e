using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;

namespace GgufQuant.Evaluation.Imatrix;

/// <summary>Describes the part of a text that a matrix was collected from.</summary>
public static class CollectedPart
{
    /// <summary>The description, by which the parts of the same text and model find each other.</summary>
    /// <param name="model">The model.</param>
    /// <param name="corpus">The text's file.</param>
    /// <param name="options">How the matrix was collected.</param>
    /// <param name="collected">The result of collecting it.</param>
    /// <param name="token">Cancels the operation.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static ImatrixPart Of(GgufFile model, string corpus, ImatrixOptions options, PerplexityResult collected, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(collected);
        ImatrixOptions whole = options with { ContextLength = collected.ContextLength, Chunks = null, SkipChunks = 0 };
        return new(CorpusFingerprint.Of(corpus, whole, token), CalibrationWriter.HashOf(model), collected.Range);
    }
}

using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting.Operations;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>An <see cref="ImatrixCollector"/> in the engine process.</summary>
public static class RemoteImatrixCollector
{
    /// <summary>Runs a model over a text and accumulates the inputs of its weights.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="modelPath">The model's file.</param>
    /// <param name="corpusPath">The text's file.</param>
    /// <param name="options">Options of the collection.</param>
    /// <param name="resume">A matrix's file to add to, with its tokens per chunk; null to start a new one.</param>
    /// <param name="progress">Receives progress while a model is loaded and after each chunk.</param>
    /// <param name="cancellationToken">Cancels by ending the engine process.</param>
    /// <returns>The matrix and the model's perplexity over the text.</returns>
    /// <exception cref="EngineStoppedException">The engine process ended or fell silent.</exception>
    /// <exception cref="CorpusTooShortException">The text has fewer tokens than two chunks.</exception>
    /// <exception cref="ModelLoadException">The model cannot be loaded.</exception>
    public static (ImatrixData Matrix, PerplexityResult Perplexity) Collect(
        RemoteEngine engine,
        string modelPath,
        string corpusPath,
        ImatrixOptions options,
        (string Path, int ChunkSize)? resume = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("ggufquant-");
        try
        {
            string sums = Path.Combine(folder.FullName, "sums");
            ImatrixRequest request = new(modelPath, corpusPath, options, resume?.Path, resume?.ChunkSize ?? 0, sums);
            PerplexityResult perplexity = engine.Run(CollectImatrix.Operation, request, modelPath, progress, cancellationToken);
            return (ImatrixSumsFile.Read(sums), perplexity);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}

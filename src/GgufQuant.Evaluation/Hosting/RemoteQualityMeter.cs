using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting.Operations;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>A <see cref="QualityMeter"/> in the engine process.</summary>
/// <remarks>If a model has crashed the process, the next measurement reloads the reference in a fresh one.</remarks>
/// <param name="engine">The engine.</param>
/// <param name="referencePath">The reference's file.</param>
/// <param name="corpusPath">The text's file.</param>
/// <param name="options">Options of the measurement.</param>
public sealed class RemoteQualityMeter(RemoteEngine engine, string referencePath, string corpusPath, QualityOptions options)
{
    private readonly long _session = SessionNumber.Next();

    /// <inheritdoc cref="QualityMeter.MeasureReference"/>
    /// <param name="progress">Receives progress while a model is loaded and after each chunk.</param>
    /// <param name="cancellationToken">Cancels by ending the engine process.</param>
    /// <exception cref="EngineStoppedException">The engine process ended or fell silent.</exception>
    public PerplexityResult MeasureReference(
        IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Run(Operations.MeasureReference.Operation, null, progress, cancellationToken);

    /// <inheritdoc cref="QualityMeter.Measure"/>
    /// <param name="path">The candidate's file.</param>
    /// <param name="progress">Receives progress while a model is loaded and after each chunk, with the candidate's perplexity.</param>
    /// <param name="cancellationToken">Cancels by ending the engine process.</param>
    /// <exception cref="EngineStoppedException">The engine process ended or fell silent.</exception>
    public KlDivergenceResult Measure(
        string path, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (!options.KeepRecords)
            return Run(MeasureCandidate.Operation, path, progress, cancellationToken);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("ggufquant-");
        try
        {
            string records = Path.Combine(folder.FullName, "records");
            KlDivergenceResult result = Run(MeasureCandidate.Operation, path, progress, cancellationToken, records);
            return result with { Records = File.ReadAllBytes(records) };
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private TResult Run<TResult>(
        Operation<QualityRequest, TResult> operation,
        string? candidate,
        IProgress<WorkProgress>? progress,
        CancellationToken cancellationToken,
        string? recordsPath = null)
    {
        try
        {
            QualityRequest request = new(_session, referencePath, corpusPath, options, candidate, recordsPath);
            return engine.Run(operation, request, candidate ?? referencePath, progress, cancellationToken);
        }
        catch (Exception exception) when (exception is EngineStoppedException or OperationCanceledException && options.LogitsFile is not null)
        {
            // A killed process could not remove its partial file.
            AtomicFile.RemoveAbandoned(options.LogitsFile);
            throw;
        }
    }
}

using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Hosting.Operations;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>A <see cref="GenerationMeter"/> in the engine process.</summary>
/// <param name="engine">The engine.</param>
/// <param name="referencePath">The reference's file.</param>
/// <param name="prompts">The prompts; at least one.</param>
/// <param name="options">Options of the generation.</param>
public sealed class RemoteGenerationMeter(RemoteEngine engine, string referencePath, IReadOnlyList<string> prompts, GenerationOptions options)
{
    private readonly long _session = SessionNumber.Next();

    /// <inheritdoc cref="GenerationMeter.MeasureReference"/>
    /// <param name="progress">Receives progress while a model is loaded and after each token.</param>
    /// <param name="cancellationToken">Cancels by ending the engine process.</param>
    /// <exception cref="EngineStoppedException">The engine process ended or fell silent.</exception>
    public IReadOnlyList<GenerationComparison> MeasureReference(
        IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default) =>
        engine.Run(GenerateWithReference.Operation, RequestFor(null), referencePath, progress, cancellationToken);

    /// <inheritdoc cref="GenerationMeter.Measure"/>
    /// <param name="path">The candidate's file.</param>
    /// <param name="progress">Receives progress while a model is loaded and after each token, including those of the reference's texts if they are generated now.</param>
    /// <param name="cancellationToken">Cancels by ending the engine process.</param>
    /// <exception cref="EngineStoppedException">The engine process ended or fell silent.</exception>
    public IReadOnlyList<GenerationComparison> Measure(
        string path, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default) =>
        engine.Run(GenerateWithCandidate.Operation, RequestFor(path), path, progress, cancellationToken);

    private GenerationRequest RequestFor(string? candidate) => new(_session, referencePath, prompts, options, candidate);
}

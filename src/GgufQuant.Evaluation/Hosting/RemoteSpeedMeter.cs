using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting.Operations;
using GgufQuant.Evaluation.Speed;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>A <see cref="SpeedMeter"/> in the engine process.</summary>
/// <param name="engine">The engine.</param>
/// <param name="options">What to measure.</param>
public sealed class RemoteSpeedMeter(RemoteEngine engine, SpeedOptions options)
{
    /// <summary>Measures a model.</summary>
    /// <param name="path">The model's file.</param>
    /// <param name="progress">Receives progress while the model is loaded and after each batch and token.</param>
    /// <param name="cancellationToken">Cancels by ending the engine process.</param>
    /// <exception cref="EngineStoppedException">The engine process ended or fell silent.</exception>
    /// <exception cref="InferenceException">The engine cannot run the model.</exception>
    public SpeedResult Measure(string path, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default) =>
        engine.Run(MeasureSpeed.Operation, new(path, options), path, progress, cancellationToken);
}

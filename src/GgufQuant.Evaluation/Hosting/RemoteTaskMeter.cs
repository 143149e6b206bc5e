using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting.Operations;
using GgufQuant.Evaluation.Tasks;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>A <see cref="TaskMeter"/> in the engine process.</summary>
/// <param name="engine">The engine.</param>
/// <param name="data">The questions.</param>
/// <param name="threads">Threads; 0 for one per processor.</param>
public sealed class RemoteTaskMeter(RemoteEngine engine, TaskData data, int threads)
{
    /// <summary>Scores every choice of every question.</summary>
    /// <param name="path">The model's file.</param>
    /// <param name="progress">Receives progress while the model is loaded and after each batch of questions.</param>
    /// <param name="cancellationToken">Cancels by ending the engine process.</param>
    /// <exception cref="TaskDataException">A question cannot be scored, or the file has changed.</exception>
    /// <exception cref="EngineStoppedException">The engine process ended or fell silent.</exception>
    /// <exception cref="InferenceException">A question is longer than the model's context, or the engine failed.</exception>
    public TaskResult Measure(string path, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        TaskRequest request = new(path, data.Path, data.Kind, data.Count, data.Seed, threads);
        double[][] scores = engine.Run(ScoreTask.Operation, request, path, progress, cancellationToken);
        if (!scores.Select(choices => choices.Length).SequenceEqual(data.Questions.Select(question => question.Choices.Count)))
            throw new TaskDataException(data.Path, null, "the file has changed since it was read.");
        return new(data, scores);
    }
}

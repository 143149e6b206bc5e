using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Tasks;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Scores the choices of a file's questions with a model.</summary>
internal static class ScoreTask
{
    internal static Operation<TaskRequest, double[][]> Operation { get; } = new(
        "score-task",
        HostJson.Default.TaskRequest,
        HostJson.Default.DoubleArrayArray,
        Run);

    private static double[][] Run(HostedEngine engine, TaskRequest request, IProgress<WorkProgress> progress)
    {
        TaskData data = TaskData.Open(request.Data, request.Kind, request.Count, request.Seed);
        using ILanguageModel model = engine.Engine.Load(request.Model, new(), CancellationToken.None);
        return [.. TaskMeter.Measure(model, data, request.Threads, progress).Scores.Select(choices => choices.ToArray())];
    }
}

/// <summary>Requests the scores of a task.</summary>
/// <param name="Model">The model's file.</param>
/// <param name="Data">The file of questions.</param>
/// <param name="Kind">The task.</param>
/// <param name="Count">The number of questions to draw; null for all.</param>
/// <param name="Seed">The seed to draw them with.</param>
/// <param name="Threads">Threads; 0 for one per processor.</param>
internal sealed record TaskRequest(string Model, string Data, TaskKind Kind, int? Count, int Seed, int Threads);

using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Speed;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Measures a model's speeds.</summary>
internal static class MeasureSpeed
{
    internal static Operation<SpeedRequest, SpeedResult> Operation { get; } = new(
        "measure-speed",
        HostJson.Default.SpeedRequest,
        HostJson.Default.SpeedResult,
        Run);

    private static SpeedResult Run(HostedEngine engine, SpeedRequest request, IProgress<WorkProgress> progress)
    {
        using ILanguageModel model = engine.Engine.Load(request.Model, new(), CancellationToken.None);
        return SpeedMeter.Measure(model, request.Options, progress);
    }
}

/// <summary>Requests a model's speeds.</summary>
/// <param name="Model">The model's file.</param>
/// <param name="Options">What to measure.</param>
internal sealed record SpeedRequest(string Model, SpeedOptions Options);

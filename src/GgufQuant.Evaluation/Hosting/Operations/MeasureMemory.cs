using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Asks the library what memory it would take for a model.</summary>
internal static class MeasureMemory
{
    internal static Operation<MeasuredRun, MeasuredMemory> Operation { get; } = new(
        "measure-memory",
        HostJson.Default.MeasuredRun,
        HostJson.Default.MeasuredMemory,
        (engine, run, _) => engine.Engine.MeasureMemory(run, CancellationToken.None));
}

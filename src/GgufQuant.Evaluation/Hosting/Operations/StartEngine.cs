using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Loads the engine; the first operation of each process.</summary>
internal static class StartEngine
{
    internal static Operation<EngineLocation, StartedEngine> Operation { get; } = new(
        "start-engine",
        HostJson.Default.EngineLocation,
        HostJson.Default.StartedEngine,
        (engine, location, _) => new(engine.Start(location).Name));
}

/// <summary>A started engine.</summary>
/// <param name="Name">Name and version.</param>
internal sealed record StartedEngine(string Name);

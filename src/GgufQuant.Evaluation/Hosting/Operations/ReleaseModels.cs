namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Frees all loaded models.</summary>
internal static class ReleaseModels
{
    internal static Operation<Nothing, Nothing> Operation { get; } = new(
        "release-models",
        HostJson.Default.Nothing,
        HostJson.Default.Nothing,
        (engine, nothing, _) =>
        {
            engine.Release();
            return nothing;
        });
}

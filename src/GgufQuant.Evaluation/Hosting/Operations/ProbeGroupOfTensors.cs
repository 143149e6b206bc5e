using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Measures the effect of rounding a group of tensors.</summary>
internal static class ProbeGroupOfTensors
{
    internal static Operation<ProbeRequest, GroupProbe> Operation { get; } = new(
        "probe-group",
        HostJson.Default.ProbeRequest,
        HostJson.Default.GroupProbe,
        (engine, request, progress) => request.ProberIn(engine).Measure(request.Tensors, progress));
}

/// <summary>Requests a probe by a <see cref="GroupProber"/>, which the child keeps for the requests of one session.</summary>
/// <param name="Session">The parent's number for the prober.</param>
/// <param name="Model">The model's file.</param>
/// <param name="Calibration">The calibration's file.</param>
/// <param name="Threads">Threads; 0 for all.</param>
/// <param name="FactorBudget">Bytes of memory for the factors of inputs that groups share.</param>
/// <param name="Method">How tensors are rounded.</param>
/// <param name="Tensors">The tensors to round.</param>
internal sealed record ProbeRequest(long Session, string Model, string Calibration, int Threads, long FactorBudget, RoundingMethod Method, IReadOnlyList<string> Tensors)
{
    /// <summary>The prober, created if the child has none for the session.</summary>
    internal GroupProber ProberIn(HostedEngine engine) =>
        engine.Session(Session, () => new GroupProber(engine.Engine, Model, Calibration, Threads, FactorBudget, Method));
}

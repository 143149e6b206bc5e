using GgufQuant.Evaluation.Generation;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Requests texts from a <see cref="GenerationMeter"/>, which the child keeps for the requests of one session.</summary>
/// <param name="Session">The parent's number for the meter.</param>
/// <param name="Reference">The reference's file.</param>
/// <param name="Prompts">The prompts.</param>
/// <param name="Options">Options of the generation.</param>
/// <param name="Candidate">The candidate's file; null to continue the prompts with the reference.</param>
internal sealed record GenerationRequest(long Session, string Reference, IReadOnlyList<string> Prompts, GenerationOptions Options, string? Candidate)
{
    /// <summary>The meter, created if the child has none for the session.</summary>
    internal GenerationMeter MeterIn(HostedEngine engine) =>
        engine.Session(Session, () => new GenerationMeter(engine.Engine, Reference, Prompts, Options));
}

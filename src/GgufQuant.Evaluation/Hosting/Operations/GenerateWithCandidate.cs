using GgufQuant.Evaluation.Generation;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Continues prompts with a candidate and compares the texts with its reference's.</summary>
internal static class GenerateWithCandidate
{
    internal static Operation<GenerationRequest, IReadOnlyList<GenerationComparison>> Operation { get; } = new(
        "generate-with-candidate",
        HostJson.Default.GenerationRequest,
        HostJson.Default.IReadOnlyListGenerationComparison,
        (engine, request, progress) => request.MeterIn(engine).Measure(
            request.Candidate ?? throw new ProtocolException("A request names no candidate."), progress));
}

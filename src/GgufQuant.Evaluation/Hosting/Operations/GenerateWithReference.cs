using GgufQuant.Evaluation.Generation;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Continues prompts with a reference.</summary>
internal static class GenerateWithReference
{
    internal static Operation<GenerationRequest, IReadOnlyList<GenerationComparison>> Operation { get; } = new(
        "generate-with-reference",
        HostJson.Default.GenerationRequest,
        HostJson.Default.IReadOnlyListGenerationComparison,
        (engine, request, progress) => request.MeterIn(engine).MeasureReference(progress));
}

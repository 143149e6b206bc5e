using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Measures a reference's perplexity.</summary>
internal static class MeasureReference
{
    internal static Operation<QualityRequest, PerplexityResult> Operation { get; } = new(
        "measure-reference",
        HostJson.Default.QualityRequest,
        HostJson.Default.PerplexityResult,
        (engine, request, progress) => request.MeterIn(engine).MeasureReference(progress));
}

using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Measures a candidate against its reference.</summary>
internal static class MeasureCandidate
{
    internal static Operation<QualityRequest, KlDivergenceResult> Operation { get; } = new(
        "measure-candidate",
        HostJson.Default.QualityRequest,
        HostJson.Default.KlDivergenceResult,
        (engine, request, progress) =>
        {
            KlDivergenceResult result = request.MeterIn(engine).Measure(
                request.Candidate ?? throw new ProtocolException("A request names no candidate."), progress);
            if (request.RecordsPath is not null && result.Records is { } records)
                File.WriteAllBytes(request.RecordsPath, records.Span);
            return result with { Records = null };
        });
}

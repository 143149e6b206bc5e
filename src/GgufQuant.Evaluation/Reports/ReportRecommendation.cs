using GgufQuant.Advice;
using GgufQuant.Catalog;
using GgufQuant.Formats;
using static GgufQuant.Evaluation.Reports.ReportText;

namespace GgufQuant.Evaluation.Reports;

/// <summary>Which quantization of a report to take.</summary>
/// <param name="Row">The quantization; null if none fits into the memory.</param>
/// <param name="Reason">Why, in a sentence.</param>
internal sealed record ReportRecommendation(QuantReportRow? Row, string Reason)
{
    private const double LeastQuality = 0.99;

    /// <summary>The recommendation: the advisor's for the memory there is; otherwise the smallest that keeps 99% of the quality.</summary>
    /// <returns>Null if no predictions were measured, or none is good enough.</returns>
    public static ReportRecommendation? Of(QuantReport report) =>
        report.MemoryBudget is { } budget ? ForMemory(report, budget) : ForQuality(report);

    private static ReportRecommendation? ForQuality(QuantReport report) =>
        ReportSummary.SmallestWith(report, LeastQuality) is { } row ? new(row, ReportSummary.Describe(row, report, LeastQuality)) : null;

    private static ReportRecommendation? ForMemory(QuantReport report, long budget)
    {
        List<QuantReportRow> rows = [];
        List<QuantAdvice> advice = [];
        foreach (QuantReportRow row in report.Rows.Append(report.Reference))
        {
            if (row is not { Type: FileType type, Memory: { } memory } || !Enum.IsDefined(type) || DivergenceOf(row, report) is not { } divergence)
                continue;
            rows.Add(row);
            advice.Add(new(QuantCatalog.Of(type), row.Size, memory, budget, new(divergence, IsMeasured: true, "measured on this model"))
            {
                Reserve = report.MemoryReserve ?? (long)(QuantAdvice.DefaultReserve * budget),
            });
        }
        if (!rows.Exists(row => row != report.Reference))
            return null;
        advice = [.. QuantAdvisor.Mark(advice)];
        int best = advice.FindIndex(entry => entry.IsRecommended);
        if (best >= 0)
            return new(rows[best], advice[best].Reason);
        int smallest = advice.IndexOf(advice.MinBy(entry => entry.Memory.Total)!);
        return new(null, $"None fits into {Size(budget)}: {rows[smallest].Name}, the smallest, takes {Size(advice[smallest].Memory.Total)}.");
    }

    private static double? DivergenceOf(QuantReportRow row, QuantReport report) => row == report.Reference ? 0 : row.Predictions?.KlDivergence.Value;
}

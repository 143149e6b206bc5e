using GgufQuant.Evaluation.Reports;

namespace GgufQuant.Evaluation.Tests.Reports;

public sealed class ReportSummaryTests
{
    [Fact]
    public void A_type_that_passes_several_thresholds_is_named_once() =>
        Assert.StartsWith("Q4_K_M is the smallest with at least 99%", Assert.Single(ReportSummary.Of(ExampleReport.Create(), recommendation: null)), StringComparison.Ordinal);

    [Fact]
    public void Smaller_types_are_named_for_lower_thresholds()
    {
        IReadOnlyList<string> sentences = ReportSummary.Of(ExampleReport.Create(further: [ExampleReport.Row("Q3_K_M", 3_000_000, 0.02), ExampleReport.Row("Q2_K", 2_000_000, 0.09)]), recommendation: null);
        Assert.Equal(["Q4_K_M is the smallest with at least 99%", "Q3_K_M is the smallest with at least 97%", "Q2_K is the smallest with at least 90%"], sentences.Select(sentence => sentence.Split(" of the")[0]));
    }
}

using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Evaluation.Reports;

namespace GgufQuant.Evaluation.Tests.Reports;

public sealed class ReportRecommendationTests
{
    private static readonly QuantReport s_report = ExampleReport.Create(further: [ExampleReport.Row("Q5_K_M", 4_200_000, 0.002), ExampleReport.Row("Q2_K", 2_000_000, 0.09)]);

    // Each takes a megabyte more than its size.
    [Theory]
    [InlineData(9_000_000, "Q8_0", "Q8_0 is the best quantization that leaves")]
    [InlineData(7_500_000, "Q5_K_M", "Q5_K_M is the best quantization that leaves")]
    [InlineData(5_400_000, "Q4_K_M", "Q4_K_M is the best quantization that leaves")]
    [InlineData(3_100_000, "Q2_K", "Q2_K is the best quantization that fits, though none leaves")]
    public void The_best_that_fits_is_recommended_for_memory(long budget, string expected, string reason)
    {
        ReportRecommendation recommendation = ReportRecommendation.Of(s_report with { MemoryBudget = budget })!;

        Assert.Equal(expected, recommendation.Row!.Name);
        Assert.StartsWith(reason, recommendation.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void The_reserve_is_kept_free()
    {
        QuantReport report = s_report with { MemoryBudget = 5_250_000 };

        Assert.Equal("Q4_K_M", ReportRecommendation.Of(report)!.Row!.Name);
        Assert.Equal("Q5_K_M", ReportRecommendation.Of(report with { MemoryReserve = 50_000 })!.Row!.Name);
    }

    [Fact]
    public void An_unquantized_reference_that_fits_is_mentioned() =>
        Assert.Contains("F16 fits too", ReportRecommendation.Of(s_report with { MemoryBudget = 1L << 30 })!.Reason, StringComparison.Ordinal);

    [Fact]
    public void Nothing_is_recommended_that_does_not_fit()
    {
        ReportRecommendation recommendation = ReportRecommendation.Of(s_report with { MemoryBudget = 2_000_000 })!;

        Assert.Null(recommendation.Row);
        Assert.Equal("None fits into 1.91 MiB: Q2_K, the smallest, takes 2.86 MiB.", recommendation.Reason);
    }

    [Fact]
    public void Without_memory_the_smallest_with_99_percent_of_the_quality_is_recommended()
    {
        ReportRecommendation recommendation = ReportRecommendation.Of(s_report)!;

        Assert.Equal("Q4_K_M", recommendation.Row!.Name);
        Assert.StartsWith("Q4_K_M is the smallest with at least 99% of the reference's quality", recommendation.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_quality_that_a_standard_error_takes_below_99_percent_is_not_enough()
    {
        QuantReportRow noisy = ExampleReport.Row("Q3_K_M", 3_000_000, 0.005);
        noisy = noisy with { Predictions = noisy.Predictions! with { LogPerplexityRatio = new MeanEstimate(0.005, 0.006) } };

        Assert.Equal("Q4_K_M", ReportRecommendation.Of(s_report with { Rows = [.. s_report.Rows, noisy] })!.Row!.Name);
    }

    [Fact]
    public void What_was_not_measured_is_not_recommended()
    {
        QuantReport bare = s_report with { Rows = [.. s_report.Rows.Select(row => row with { Predictions = null })] };

        Assert.Null(ReportRecommendation.Of(bare));
        Assert.Null(ReportRecommendation.Of(bare with { MemoryBudget = 1L << 30 }));
    }
}

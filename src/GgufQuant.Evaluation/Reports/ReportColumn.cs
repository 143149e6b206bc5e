using System.Globalization;
using static GgufQuant.Evaluation.Reports.ReportText;

namespace GgufQuant.Evaluation.Reports;

/// <summary>The columns of a report's table: those with a value in at least one row.</summary>
internal sealed record ReportColumn(string Title, Func<QuantReportRow, string?> Value)
{
    /// <summary>The columns to show.</summary>
    public static IReadOnlyList<ReportColumn> Of(QuantReport report)
    {
        ReportColumn[] all =
        [
            new("Type", row => row.Name),
            new("Size", row => Size(row.Size)),
            new("Of reference", row => report.Reference.Size > 0 ? Percent((double)row.Size / report.Reference.Size, 0) : null),
            new("Memory", row => row.Memory is { } memory ? Size(memory.Total) : null),
            new("Bits per weight", row => row.BitsPerWeight is { } bits ? Fixed(bits, 2) : null),
            new("Weight error", row => row.Weights is { } weights ? Significant(weights.RelativeRmsError) : null),
            new("Perplexity", row => row.Predictions is { } result ? Fixed(result.Perplexity.Value, 3) : row.Perplexity is { } value ? $"{Fixed(value.Value, 3)} ± {Significant(value.Error)}" : null),
            new("Change of perplexity", row => row.Predictions is { } result ? Change(result.PerplexityDifference) : null),
            new("Relative quality", row => row.Predictions is { } result ? Percent(result.RelativeQuality) : row == report.Reference && row.Perplexity is not null ? "100%" : null),
            new("Mean KL divergence", row => row.Predictions is { } result ? Estimate(result.KlDivergence) : null),
            new("99% KL divergence", row => row.Predictions is { } result ? Significant(result.KlPercentiles.P99) : null),
            new("Same top token", row => row.Predictions is { } result ? Percent(result.TopTokenMatch.Value) : null),
            new("Accuracy", row => row.Accuracy is { } accuracy ? Percent(accuracy) : null),
            new("Lost", row => row.Lost?.ToString(CultureInfo.InvariantCulture)),
            new("Gained", row => row.Gained?.ToString(CultureInfo.InvariantCulture)),
            new("Prompt tokens/s", row => row.PromptSpeed is { } speed ? Significant(speed) : null),
            new("Generated tokens/s", row => row.GenerationSpeed is { } speed ? Significant(speed) : null),
            new("RMS Δp", row => row.Predictions is { } result ? Percent(result.RmsProbabilityChange.Value, 2) : null),
        ];
        return [.. all.Where(column => report.Rows.Append(report.Reference).Any(row => column.Value(row) is not null))];
    }
}

namespace GgufQuant.Evaluation.Reports;

/// <summary>What is known of a model's quantizations, to be written as a page.</summary>
/// <param name="Title">The model.</param>
/// <param name="Reference">What the others are compared with.</param>
/// <param name="Rows">The quantizations.</param>
public sealed record QuantReport(string Title, QuantReportRow Reference, IReadOnlyList<QuantReportRow> Rows)
{
    /// <summary>The text the predictions were measured on, in a phrase; null if none was.</summary>
    public string? Corpus { get; init; }

    /// <summary>The engine that ran the models; null if none did.</summary>
    public string? Engine { get; init; }

    /// <summary>When it was measured.</summary>
    public DateTimeOffset Date { get; init; } = DateTimeOffset.Now;

    /// <summary>The quantizations, the largest first.</summary>
    internal IEnumerable<QuantReportRow> BySize => Rows.OrderByDescending(row => row.Size);
}

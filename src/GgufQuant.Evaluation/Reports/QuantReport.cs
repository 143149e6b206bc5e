namespace GgufQuant.Evaluation.Reports;

/// <summary>Everything known about a model's quantizations, for a report.</summary>
/// <param name="Title">The model.</param>
/// <param name="Reference">The model the others are compared with.</param>
/// <param name="Rows">The quantizations.</param>
public sealed record QuantReport(string Title, QuantReportRow Reference, IReadOnlyList<QuantReportRow> Rows)
{
    /// <summary>The text used to measure predictions, in a phrase; null if none was.</summary>
    public string? Corpus { get; init; }

    /// <summary>The engine that ran the models; null if none did.</summary>
    public string? Engine { get; init; }

    /// <summary>The date of the measurements.</summary>
    public DateTimeOffset Date { get; init; } = DateTimeOffset.Now;

    /// <summary>Bytes of memory that the recommended quantization is to fit into; null to recommend by quality alone.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>Bytes of that memory that should stay free; null for a tenth.</summary>
    public long? MemoryReserve { get; init; }

    /// <summary>The quantizations, largest first.</summary>
    internal IEnumerable<QuantReportRow> BySize => Rows.OrderByDescending(row => row.Size);
}

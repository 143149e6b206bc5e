using GgufQuant.Comparison;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Evaluation.Reports;

/// <summary>One model of a report.</summary>
/// <param name="Name">What it is called in plots and tables: its type, or its file's name where types repeat.</param>
/// <param name="Size">Bytes of its files.</param>
public sealed record QuantReportRow(string Name, long Size)
{
    /// <summary>Bits a weight takes on average; null if not known.</summary>
    public double? BitsPerWeight { get; init; }

    /// <summary>Perplexity; null if not measured.</summary>
    public MeanEstimate? Perplexity { get; init; }

    /// <summary>Its predictions against the reference's; null if not measured, and of the reference.</summary>
    public KlDivergenceResult? Predictions { get; init; }

    /// <summary>Its weights against the reference's; null if not measured, and of the reference.</summary>
    public ModelError? Weights { get; init; }

    /// <summary>What it writes; empty if not tried, and of the reference.</summary>
    public IReadOnlyList<GenerationComparison> Generations { get; init; } = [];
}

using GgufQuant.Comparison;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Evaluation.Reports;

/// <summary>One model in a report.</summary>
/// <param name="Name">Its name in plots and tables: its type, or its file name if types repeat.</param>
/// <param name="Size">Bytes of its files.</param>
public sealed record QuantReportRow(string Name, long Size)
{
    /// <summary>Its file type; null if unknown.</summary>
    public FileType? Type { get; init; }

    /// <summary>Average bits per weight; null if unknown.</summary>
    public double? BitsPerWeight { get; init; }

    /// <summary>Perplexity; null if not measured.</summary>
    public MeanEstimate? Perplexity { get; init; }

    /// <summary>Its predictions compared with the reference's; null if not measured, and for the reference.</summary>
    public KlDivergenceResult? Predictions { get; init; }

    /// <summary>Its weights compared with the reference's; null if not measured, and for the reference.</summary>
    public ModelError? Weights { get; init; }

    /// <summary>Share of a known task's questions that it answers correctly; null if not asked.</summary>
    public double? Accuracy { get; init; }

    /// <summary>Questions that only the reference answers correctly; null if not asked, and for the reference.</summary>
    public int? Lost { get; init; }

    /// <summary>Questions that only this model answers correctly; null if not asked, and for the reference.</summary>
    public int? Gained { get; init; }

    /// <summary>The memory to run it; null if unknown.</summary>
    public MemoryEstimate? Memory { get; init; }

    /// <summary>Prompt tokens evaluated per second; null if not measured.</summary>
    public double? PromptSpeed { get; init; }

    /// <summary>Tokens generated per second; null if not measured.</summary>
    public double? GenerationSpeed { get; init; }

    /// <summary>The texts it generates; empty if not tried, and for the reference.</summary>
    public IReadOnlyList<GenerationComparison> Generations { get; init; } = [];
}

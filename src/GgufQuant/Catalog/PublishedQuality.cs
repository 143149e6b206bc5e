using GgufQuant.Formats;

namespace GgufQuant.Catalog;

/// <summary>One published measurement of the quality that a file type loses.</summary>
/// <param name="Type">The file type measured.</param>
/// <param name="Model">The model it was measured on.</param>
/// <param name="Imatrix">Whether an importance matrix was used.</param>
/// <param name="Source">Who published it, and where.</param>
public sealed record PublishedQuality(FileType Type, string Model, bool Imatrix, string Source)
{
    /// <summary>Size of the file in bytes, to the precision published.</summary>
    public long? Size { get; init; }

    /// <summary>Perplexity; lower is better.</summary>
    public double? Perplexity { get; init; }

    /// <summary>Perplexity over that of the unquantized model.</summary>
    public double? PerplexityIncrease { get; init; }

    /// <summary>Mean Kullback-Leibler divergence from the unquantized model's predictions; 0 is identical.</summary>
    public double? KlDivergence { get; init; }

    /// <summary>Root mean square of the change in the right token's probability, 0 to 1.</summary>
    public double? RmsProbabilityChange { get; init; }

    /// <summary>Share of positions where the likeliest token stays the same, 0 to 1.</summary>
    public double? TopTokenMatch { get; init; }

    /// <summary>Quality relative to the unquantized model, 0 to 1: published as such, or the ratio of the perplexities.</summary>
    public double? RelativeQuality { get; init; }
}

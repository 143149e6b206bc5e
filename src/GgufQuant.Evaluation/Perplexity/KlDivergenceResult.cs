using System.Text.Json.Serialization;
using GgufQuant.Imatrix;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>How quantization changed a model's predictions over a text: llama-perplexity's <c>--kl-divergence</c> statistics.</summary>
public sealed record KlDivergenceResult
{
    /// <summary>The candidate's perplexity.</summary>
    public required MeanEstimate Perplexity { get; init; }

    /// <summary>The reference's perplexity.</summary>
    public required MeanEstimate ReferencePerplexity { get; init; }

    /// <summary>Mean of ln(PPL(candidate)/PPL(reference)); the error accounts for their covariance.</summary>
    public required MeanEstimate LogPerplexityRatio { get; init; }

    /// <summary>PPL(candidate)/PPL(reference).</summary>
    public MeanEstimate PerplexityRatio => LogPerplexityRatio.Exponential();

    /// <summary>PPL(candidate) - PPL(reference); the error accounts for their covariance.</summary>
    public required MeanEstimate PerplexityDifference { get; init; }

    /// <summary>Correlation of both models' log-perplexities, -1 to 1.</summary>
    public required double Correlation { get; init; }

    /// <summary>Mean Kullback-Leibler divergence of a prediction, in nats.</summary>
    public required MeanEstimate KlDivergence { get; init; }

    /// <summary>Percentiles of the divergence, in nats.</summary>
    public required Percentiles KlPercentiles { get; init; }

    /// <summary>Mean change in the probability of the text's next token, -1 to 1.</summary>
    public required MeanEstimate ProbabilityChange { get; init; }

    /// <summary>Percentiles of that change.</summary>
    public required Percentiles ProbabilityChangePercentiles { get; init; }

    /// <summary>Root of the mean square of that change.</summary>
    public required MeanEstimate RmsProbabilityChange { get; init; }

    /// <summary>Share of predictions whose most probable token is the same, 0 to 1.</summary>
    public required MeanEstimate TopTokenMatch { get; init; }

    /// <summary>PPL(reference)/PPL(candidate): 1 for a candidate that predicts as well as the reference.</summary>
    public double RelativeQuality => 1 / PerplexityRatio.Value;

    /// <summary>Tokens per chunk.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Number of chunks evaluated.</summary>
    public int Chunks => Range.Count;

    /// <summary>Which of the text's chunks were evaluated.</summary>
    public required ChunkRange Range { get; init; }

    /// <summary>Predictions scored.</summary>
    public required long ScoredTokens { get; init; }

    /// <summary>Time taken, including the reference's evaluation if there was one.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Each prediction, to merge the result with those of other chunks; null unless they were to be kept.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ReadOnlyMemory<byte>? Records { get; init; }

    /// <summary>The result over the chunks of several results, with the numbers of a single measurement.</summary>
    /// <param name="parts">The results, in any order. All keep their predictions.</param>
    /// <exception cref="InvalidDataException">Chunks are missing between two of them or in both, or their predictions are missing or damaged.</exception>
    public static KlDivergenceResult Merge(IReadOnlyList<KlDivergenceResult> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        KlDivergenceResult[] ordered = [.. parts.OrderBy(part => part.Range.First)];
        ChunkRange all = ChunkRange.Join([.. ordered.Select(part => (part.Range, $"{part.Range}"))]);
        KlDivergenceSums sums = new(keepsRecords: false);
        foreach (KlDivergenceResult part in ordered)
        {
            if (part.ContextLength != ordered[0].ContextLength || part.Range.Total != ordered[0].Range.Total)
                throw new InvalidDataException($"The text was divided into {ordered[0].Range.Total} chunks of {ordered[0].ContextLength} tokens for {ordered[0].Range}, but into {part.Range.Total} of {part.ContextLength} for {part.Range}.");
            if (part.Records is not { } records || records.Length % PredictionRecords.Size != 0 || records.Length / PredictionRecords.Size != part.ScoredTokens)
                throw new InvalidDataException($"The records of the predictions of {part.Range} are missing or damaged.");
            for (int at = 0; at < records.Length; at += PredictionRecords.Size)
                sums.Add(PredictionRecords.Read(records.Span.Slice(at, PredictionRecords.Size)));
        }
        return sums.Summarize(ordered[0].ContextLength, all, ordered.Aggregate(TimeSpan.Zero, (sum, part) => sum + part.Duration));
    }
}

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

    /// <summary>Chunks evaluated.</summary>
    public required int Chunks { get; init; }

    /// <summary>Predictions scored.</summary>
    public required long ScoredTokens { get; init; }

    /// <summary>Time taken, including the reference's evaluation if there was one.</summary>
    public required TimeSpan Duration { get; init; }
}

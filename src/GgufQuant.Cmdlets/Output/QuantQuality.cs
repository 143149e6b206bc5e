using System.ComponentModel;
using GgufQuant.Comparison;
using GgufQuant.Evaluation.Comparison;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>How one quantization changes the model's predictions over a text, in addition to the weights.</summary>
[TypeConverter(typeof(QuantComparisonConverter))]
public sealed class QuantQuality : QuantComparison
{
    internal QuantQuality(
        ModelInfo reference, ModelInfo model, ModelError? error, string engine, string corpus, MeanEstimate perplexity, KlDivergenceResult? predictions,
        MeasuredPart? part)
        : this(ComparisonData.Of(reference, model, error) with { Engine = engine, Corpus = corpus, Perplexity = perplexity, Predictions = predictions, Part = part })
    {
    }

    internal QuantQuality(ComparisonData data)
        : base(data)
    {
    }

    /// <summary>The full path of the text.</summary>
    public string Corpus => Data.Corpus!;

    /// <summary>The engine that ran the model.</summary>
    public string Engine => Data.Engine!;

    /// <summary>Perplexity over the text: lower is better.</summary>
    public double Perplexity => Data.Perplexity.Value;

    /// <summary>The standard error of the perplexity, most of which the reference's has in common with it.</summary>
    public double PerplexityError => Data.Perplexity.Error;

    /// <summary>The perplexity less the reference's: 0 for the reference.</summary>
    public double PerplexityDifference => Data.Predictions?.PerplexityDifference.Value ?? 0;

    /// <summary>The standard error of that difference, which takes account of what both have in common.</summary>
    public double PerplexityDifferenceError => Data.Predictions?.PerplexityDifference.Error ?? 0;

    /// <summary>Mean Kullback-Leibler divergence from the reference's predictions, in nats: 0 for the reference.</summary>
    public double KlDivergence => Data.Predictions?.KlDivergence.Value ?? 0;

    /// <summary>The standard error of the divergence.</summary>
    public double KlDivergenceError => Data.Predictions?.KlDivergence.Error ?? 0;

    /// <summary>Share of positions where the most probable token is the reference's, 0 to 1.</summary>
    public double TopTokenMatch => Data.Predictions?.TopTokenMatch.Value ?? 1;

    /// <summary>The standard error of that share.</summary>
    public double TopTokenMatchError => Data.Predictions?.TopTokenMatch.Error ?? 0;

    /// <summary>The reference's perplexity over this model's: 1 for a model that predicts as well.</summary>
    public double RelativeQuality => Data.Predictions?.RelativeQuality ?? 1;

    /// <summary>Everything in the row.</summary>
    internal ComparisonData Measured => Data;

    /// <summary>Everything measured: percentiles, changes of probability; null for the reference.</summary>
    public KlDivergenceResult? GetPredictions() => Data.Predictions;
}

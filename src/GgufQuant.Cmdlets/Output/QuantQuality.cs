using GgufQuant.Comparison;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>What one quantization costs in the model's predictions over a text, beside what it costs in the weights.</summary>
public sealed class QuantQuality : QuantComparison
{
    internal QuantQuality(
        ModelInfo reference, ModelInfo model, ModelError? error, string engine, string corpus, MeanEstimate perplexity, KlDivergenceResult? predictions)
        : base(reference, model, error)
    {
        Corpus = corpus;
        Engine = engine;
        Perplexity = perplexity.Value;
        PerplexityError = perplexity.Error;
        Predictions = predictions;
    }

    /// <summary>The full path of the text.</summary>
    public string Corpus { get; }

    /// <summary>What ran the model.</summary>
    public string Engine { get; }

    /// <summary>Perplexity over the text: lower is better.</summary>
    public double Perplexity { get; }

    /// <summary>The standard error of the perplexity.</summary>
    public double PerplexityError { get; }

    /// <summary>Mean Kullback-Leibler divergence from the reference's predictions; 0 is identical.</summary>
    public double KlDivergence => Predictions?.KlDivergence.Value ?? 0;

    /// <summary>Share of positions where the likeliest token is the reference's, 0 to 1.</summary>
    public double TopTokenMatch => Predictions?.TopTokenMatch.Value ?? 1;

    /// <summary>The reference's perplexity over this one's: 1 for a model that predicts as well.</summary>
    public double RelativeQuality => (Predictions?.RelativeQuality ?? 100) / 100;

    /// <summary>Everything measured: errors, percentiles, changes of probability; null for the reference.</summary>
    public KlDivergenceResult? Predictions { get; }
}

using GgufQuant.Imatrix;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>Sums over predictions, and the statistics derived from them.</summary>
/// <param name="keepsRecords">Whether the result has each prediction.</param>
internal sealed class KlDivergenceSums(bool keepsRecords)
{
    private readonly MemoryStream? _records = keepsRecords ? new() : null;
    private readonly List<float> _divergences = [];
    private readonly List<float> _changes = [];
    private NegativeLogLikelihood _candidate;
    private NegativeLogLikelihood _reference;
    private double _product;
    private double _divergence;
    private double _divergenceSquared;
    private double _change;
    private double _changeSquared;
    private double _changeFourth;
    private long _sameTop;

    /// <summary>The candidate's perplexity so far.</summary>
    public double Perplexity => _candidate.Perplexity.Value;

    public void Add(in Prediction prediction)
    {
        if (_records is not null)
            PredictionRecords.Write(_records, prediction);
        _candidate.Add(prediction.Loss);
        _reference.Add(prediction.ReferenceLoss);
        _product += prediction.Loss * prediction.ReferenceLoss;
        _divergence += prediction.Divergence;
        _divergenceSquared += prediction.Divergence * prediction.Divergence;
        double change = Math.Exp(-prediction.Loss) - Math.Exp(-prediction.ReferenceLoss);
        double squared = change * change;
        _change += change;
        _changeSquared += squared;
        _changeFourth += squared * squared;
        if (prediction.SameTop)
            _sameTop++;
        _divergences.Add((float)prediction.Divergence);
        _changes.Add((float)change);
    }

    public KlDivergenceResult Summarize(int contextLength, ChunkRange range, TimeSpan duration)
    {
        long count = _candidate.Count;
        MeanEstimate loss = _candidate.Mean;
        MeanEstimate referenceLoss = _reference.Mean;
        double covariance = count < 10 ? 0 : ((_product / count) - (loss.Value * referenceLoss.Value)) / (count - 1);
        MeanEstimate perplexity = loss.Exponential();
        MeanEstimate referencePerplexity = referenceLoss.Exponential();
        MeanEstimate meanSquare = MeanEstimate.FromSums(_changeSquared, _changeFourth, count);
        double rms = Math.Sqrt(meanSquare.Value);
        double same = (double)_sameTop / count;
        return new()
        {
            Perplexity = perplexity,
            ReferencePerplexity = referencePerplexity,
            LogPerplexityRatio = new(loss.Value - referenceLoss.Value, ErrorOfDifference(loss.Error, referenceLoss.Error, covariance)),
            PerplexityDifference = new(
                perplexity.Value - referencePerplexity.Value,
                ErrorOfDifference(perplexity.Error, referencePerplexity.Error, perplexity.Value * referencePerplexity.Value * covariance)),
            Correlation = loss.Error * referenceLoss.Error is > 0 and var errors ? covariance / errors : 0,
            KlDivergence = MeanEstimate.FromSums(_divergence, _divergenceSquared, count),
            KlPercentiles = Percentiles.Of(_divergences.ToArray()),
            ProbabilityChange = MeanEstimate.FromSums(_change, _changeSquared, count),
            ProbabilityChangePercentiles = Percentiles.Of(_changes.ToArray()),
            RmsProbabilityChange = new(rms, rms > 0 ? 0.5 / rms * meanSquare.Error : 0),
            TopTokenMatch = new(same, count > 1 ? Math.Sqrt(same * (1 - same) / (count - 1)) : 0),
            ContextLength = contextLength,
            Range = range,
            Records = _records is null ? default(ReadOnlyMemory<byte>?) : _records.ToArray(),
            ScoredTokens = count,
            Duration = duration,
        };
    }

    // Rounding can make the difference of equal models slightly negative.
    private static double ErrorOfDifference(double a, double b, double covariance) =>
        Math.Sqrt(Math.Max(0, (a * a) + (b * b) - (2 * covariance)));
}

/// <summary>One scored prediction.</summary>
/// <param name="Loss">Negative log-probability that the candidate assigns to the text's next token.</param>
/// <param name="ReferenceLoss">The same for the reference.</param>
/// <param name="Divergence">Kullback-Leibler divergence, in nats.</param>
/// <param name="SameTop">Whether the same token is the most probable for both.</param>
internal readonly record struct Prediction(double Loss, double ReferenceLoss, double Divergence, bool SameTop);

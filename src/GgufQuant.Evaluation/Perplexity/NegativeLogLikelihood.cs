namespace GgufQuant.Evaluation.Perplexity;

/// <summary>Sums of negative log-probabilities, and the resulting perplexity.</summary>
internal struct NegativeLogLikelihood
{
    private double _sum;
    private double _sumOfSquares;

    public long Count { get; private set; }

    public readonly MeanEstimate Mean => MeanEstimate.FromSums(_sum, _sumOfSquares, Count);

    public readonly MeanEstimate Perplexity => Mean.Exponential();

    public void Add(double value)
    {
        _sum += value;
        _sumOfSquares += value * value;
        Count++;
    }
}

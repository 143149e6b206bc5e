using System.Numerics;
using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>The probabilities of all tokens at one position: <c>ln p[i] = values[i] - offset</c>.</summary>
internal readonly ref struct TokenDistribution
{
    /// <summary>llama-perplexity's limit: tokens that are rarer in the reference do not count in the divergence.</summary>
    public const double LeastLogProbability = -16;

    private readonly ReadOnlySpan<float> _values;
    private readonly double _offset;

    private TokenDistribution(ReadOnlySpan<float> values, double offset)
    {
        _values = values;
        _offset = offset;
    }

    /// <summary>The most probable token; the first one on a tie.</summary>
    public int Top => _values.IndexOf(Maximum(_values));

    /// <summary>From a model's logits.</summary>
    /// <exception cref="InferenceException">The logits are not finite.</exception>
    public static TokenDistribution FromLogits(ReadOnlySpan<float> logits)
    {
        float maximum = Maximum(logits);
        double offset = maximum + Math.Log(SumOfExponentials(logits, maximum));
        if (!double.IsFinite(offset))
            throw new InferenceException("The model computes non-finite logits: its weights are damaged.");
        return new(logits, offset);
    }

    /// <summary>From natural logarithms of the probabilities.</summary>
    public static TokenDistribution FromLogProbabilities(ReadOnlySpan<float> values) => new(values, 0);

    /// <summary>The natural logarithm of a token's probability.</summary>
    public double LogProbability(int token) => _values[token] - _offset;

    /// <summary>The Kullback-Leibler divergence of <paramref name="other"/> from this reference, in nats.</summary>
    public double DivergenceOf(TokenDistribution other)
    {
        ReadOnlySpan<Vector<float>> references = MemoryMarshal.Cast<float, Vector<float>>(_values);
        ReadOnlySpan<Vector<float>> others = MemoryMarshal.Cast<float, Vector<float>>(other._values);
        Vector<double> referenceOffset = new(_offset);
        Vector<double> otherOffset = new(other._offset);
        Vector<double> sums = Vector<double>.Zero;
        for (int i = 0; i < references.Length; i++)
        {
            Vector.Widen(references[i], out Vector<double> low, out Vector<double> high);
            Vector.Widen(others[i], out Vector<double> otherLow, out Vector<double> otherHigh);
            sums += Term(low - referenceOffset, otherLow - otherOffset) + Term(high - referenceOffset, otherHigh - otherOffset);
        }
        double sum = Vector.Sum(sums);
        for (int i = references.Length * Vector<float>.Count; i < _values.Length; i++)
        {
            double reference = _values[i] - _offset;
            if (reference > LeastLogProbability)
                sum += Math.Exp(reference) * (reference - other.LogProbability(i));
        }
        return sum;
    }

    private static Vector<double> Term(Vector<double> reference, Vector<double> other) =>
        Vector.ConditionalSelect(
            Vector.GreaterThan(reference, new Vector<double>(LeastLogProbability)),
            Vector.Exp(reference) * (reference - other),
            Vector<double>.Zero);

    private static float Maximum(ReadOnlySpan<float> values)
    {
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        Vector<float> maxima = new(float.NegativeInfinity);
        foreach (Vector<float> vector in vectors)
            maxima = Vector.Max(maxima, vector);
        float maximum = float.NegativeInfinity;
        for (int i = 0; i < Vector<float>.Count; i++)
            maximum = Math.Max(maximum, maxima[i]);
        foreach (float value in values[(vectors.Length * Vector<float>.Count)..])
            maximum = Math.Max(maximum, value);
        return maximum;
    }

    private static double SumOfExponentials(ReadOnlySpan<float> values, float maximum)
    {
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        Vector<double> maxima = new(maximum);
        Vector<double> sums = Vector<double>.Zero;
        foreach (Vector<float> vector in vectors)
        {
            Vector.Widen(vector, out Vector<double> low, out Vector<double> high);
            sums += Vector.Exp(low - maxima) + Vector.Exp(high - maxima);
        }
        double sum = Vector.Sum(sums);
        foreach (float value in values[(vectors.Length * Vector<float>.Count)..])
            sum += Math.Exp((double)value - maximum);
        return sum;
    }
}

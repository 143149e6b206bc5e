using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Evaluation.Tests.Quality;

public sealed class TokenDistributionTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(33)]
    [InlineData(2048)]
    public void The_result_is_that_of_a_scalar_computation(int count)
    {
        float[] reference = Logits(count, 1);
        float[] candidate = Logits(count, 2);
        double[] p = Softmax(reference);
        double[] q = Softmax(candidate);
        double divergence = 0;
        for (int i = 0; i < count; i++)
        {
            if (Math.Log(p[i]) > -16)
                divergence += p[i] * Math.Log(p[i] / q[i]);
        }

        TokenDistribution expected = TokenDistribution.FromLogits(reference);
        TokenDistribution actual = TokenDistribution.FromLogits(candidate);

        Assert.Equal(Math.Log(p[count / 2]), expected.LogProbability(count / 2), 1e-10);
        Assert.Equal(Array.IndexOf(p, p.Max()), expected.Top);
        Assert.Equal(divergence, expected.DivergenceOf(actual), 1e-10);
        Assert.Equal(0, expected.DivergenceOf(TokenDistribution.FromLogits(reference)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public void Logits_that_are_not_finite_are_rejected(int at)
    {
        float[] logits = Logits(10, 1);
        logits[at] = float.NaN;

        Assert.Throws<InferenceException>(() => TokenDistribution.FromLogits(logits).Top);
    }

    private static double[] Softmax(float[] logits)
    {
        double sum = logits.Sum(logit => Math.Exp(logit));
        return [.. logits.Select(logit => Math.Exp(logit) / sum)];
    }

    private static float[] Logits(int count, int seed)
    {
        Random random = new(seed);
        float[] logits = new float[count];
        for (int i = 0; i < count; i++)
            logits[i] = (float)((random.NextDouble() * 30) - 15);
        return logits;
    }
}

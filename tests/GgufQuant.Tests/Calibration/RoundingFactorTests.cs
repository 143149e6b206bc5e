using GgufQuant.Calibration;

namespace GgufQuant.Tests.Calibration;

public class RoundingFactorTests
{
    [Theory]
    [InlineData(160, 160)]
    [InlineData(512, 512)]
    [InlineData(512, 256)]
    public void The_factor_multiplies_back_to_the_moments(int columns, int width)
    {
        RoundingFactor factor = RoundingFactor.Create(CorrelatedInputs.Moments(columns, width), 2, TestContext.Current.CancellationToken);
        Assert.Equal(columns / width, factor.Blocks.Count);
        foreach (FeedbackFactor block in factor.Blocks)
        {
            int n = block.Size;
            double mean = Enumerable.Range(0, n).Average(i => block.Moments[(i * n) + i]);
            for (int i = 0; i < n; i += 7)
            {
                for (int j = i; j < n; j += 5)
                {
                    double product = 0;
                    for (int k = j; k < n; k++)
                        product += (double)block.Coefficients[(i * n) + k] * block.Variances[k] * block.Coefficients[(j * n) + k];
                    Assert.Equal(block.Moments[(i * n) + j], product, 1e-4 * mean);
                }
            }
        }
    }

    [Fact]
    public void The_factor_does_not_depend_on_the_threads()
    {
        InputMoments moments = CorrelatedInputs.Moments(320, 320);
        RoundingFactor one = RoundingFactor.Create(moments, 1, TestContext.Current.CancellationToken);
        RoundingFactor four = RoundingFactor.Create(moments, 4, TestContext.Current.CancellationToken);
        for (int i = 0; i < 320; i++)
            Assert.Equal(one.Blocks[0].Coefficients.AsSpan((i * 320) + i, 320 - i), four.Blocks[0].Coefficients.AsSpan((i * 320) + i, 320 - i));
        Assert.Equal(one.Blocks[0].Variances, four.Blocks[0].Variances);
    }

    [Theory]
    [InlineData("output.weight", 0.1f)]
    [InlineData("token_embd.weight", 0.3f)]
    public void The_diagonal_is_damped_more_where_embeddings_serve_as_the_output(string name, float damping)
    {
        float[] half = new float[InputMoments.HalfLength(32)];
        for (int i = 0, at = 0; i < 32; at += 32 - i, i++)
            half[at] = 2;
        RoundingFactor factor = RoundingFactor.Create(new(name, 32, 32, 1, (_, _) => half), 1, TestContext.Current.CancellationToken);
        Assert.All(factor.Importance, importance => Assert.Equal(2 * (1 + damping), importance, 1e-6f));
    }

    [Fact]
    public void Fewer_tokens_than_columns_still_give_a_factor()
    {
        RoundingFactor factor = RoundingFactor.Create(CorrelatedInputs.Moments(256, 256, tokens: 3), 1, TestContext.Current.CancellationToken);
        Assert.All(factor.Blocks[0].Variances, variance => Assert.True(variance > 0));
    }

    [Fact]
    public void An_input_that_was_always_zero_makes_all_columns_count_the_same()
    {
        InputMoments moments = new("blk.0.ffn_down.weight", 32, 32, 100, (_, _) => new float[InputMoments.HalfLength(32)]);
        RoundingFactor factor = RoundingFactor.Create(moments, 1, TestContext.Current.CancellationToken);
        Assert.All(factor.Importance, importance => Assert.Equal(1, importance));
        Assert.All(factor.Blocks[0].Variances, variance => Assert.Equal(1, variance));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(-1f)]
    public void A_diagonal_that_is_no_mean_of_squares_is_an_error(float value)
    {
        float[] half = new float[InputMoments.HalfLength(32)];
        half[32] = value;
        CalibrationException exception = Assert.Throws<CalibrationException>(() => Create(half));
        Assert.Contains("'blk.0.ffn_down.weight'", exception.Message);
        Assert.Contains("column 1", exception.Message);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(1000f)]
    public void Moments_that_are_not_positive_definite_are_an_error(float value)
    {
        float[] half = new float[InputMoments.HalfLength(32)];
        half[0] = 1;
        half[1] = value;
        CalibrationException exception = Assert.Throws<CalibrationException>(() => Create(half));
        Assert.Contains("not positive definite", exception.Message);
    }

    private static RoundingFactor Create(float[] half) =>
        RoundingFactor.Create(new("blk.0.ffn_down.weight", 32, 32, 1, (_, _) => half), 1, TestContext.Current.CancellationToken);
}

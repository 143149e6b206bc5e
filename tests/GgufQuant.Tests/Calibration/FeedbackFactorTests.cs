using GgufQuant.Calibration;

namespace GgufQuant.Tests.Calibration;

public sealed class FeedbackFactorTests
{
    [Theory]
    [InlineData(0f)]
    [InlineData(-1f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Moments_that_are_not_positive_and_finite_have_no_factor(float moment)
    {
        Assert.Null(FeedbackFactor.TryCreate([2, 0, 0, moment], 2, threads: 1, TestContext.Current.CancellationToken));
        Assert.Null(FeedbackFactor.TryCreate([moment, 0, 0, 2], 2, threads: 1, TestContext.Current.CancellationToken));
        Assert.NotNull(FeedbackFactor.TryCreate([2, 0, 0, 2], 2, threads: 1, TestContext.Current.CancellationToken));
    }
}

using GgufQuant.Evaluation.Reports;

namespace GgufQuant.Evaluation.Tests.Reports;

public sealed class LogScaleTests
{
    [Fact]
    public void Equal_ratios_map_to_equal_lengths()
    {
        LogScale scale = new([0.01, 1], 0, 100);

        Assert.Equal((0, 50, 100), (scale[0.01], scale[0.1], scale[1]), EqualityComparer<(double, double, double)>.Create(
            (a, b) => Math.Abs(a.Item1 - b.Item1) + Math.Abs(a.Item2 - b.Item2) + Math.Abs(a.Item3 - b.Item3) < 1e-9));
        Assert.Equal(0, scale[0]);
    }

    [Fact]
    public void The_axis_is_rounded_outwards()
    {
        double[] ticks = [.. new LogScale([0.013, 0.31], 0, 1).Ticks.Select(tick => Math.Round(tick, 9))];

        Assert.Equal([0.01, 0.02, 0.05, 0.1, 0.2, 0.5], ticks);
    }

    [Fact]
    public void A_long_axis_marks_powers_of_ten()
    {
        double[] ticks = [.. new LogScale([0.0002, 0.9], 0, 1).Ticks.Select(tick => Math.Round(tick, 9))];

        Assert.Equal([0.001, 0.01, 0.1, 1], ticks);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(double.PositiveInfinity)]
    public void A_single_value_is_accepted(double value) => Assert.InRange(new LogScale([value], 0, 1)[value], 0, 1);
}

using System.Text.RegularExpressions;
using GgufQuant.Evaluation.Reports;

namespace GgufQuant.Evaluation.Tests.Reports;

public sealed partial class SizeQualityChartTests
{
    [Fact]
    public void The_front_leaves_out_a_row_that_another_of_its_size_beats()
    {
        Assert.Equal(2, PointsOfFront(ExampleReport.Create()));
        Assert.Equal(2, PointsOfFront(ExampleReport.Create(further: ExampleReport.Row("Q4_K_S", 3_500_000, 0.01))));
        Assert.Equal(3, PointsOfFront(ExampleReport.Create(further: ExampleReport.Row("Q4_K_S", 3_400_000, 0.01))));
    }

    private static int PointsOfFront(QuantReport report) => Front().Match(SizeQualityChart.Draw(report)).Groups[1].Value.Split(' ').Length;

    [GeneratedRegex("<polyline class=\"front\" points=\"([^\"]*)\"/>")]
    private static partial Regex Front();
}

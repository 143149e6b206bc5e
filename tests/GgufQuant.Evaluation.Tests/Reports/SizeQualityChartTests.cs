using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
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

    [Fact]
    public void The_recommended_point_alone_has_a_ring()
    {
        QuantReport report = ExampleReport.Create();
        XElement[] circles = [.. XElement.Parse(SizeQualityChart.Draw(report, report.Rows[0], out _)).Elements("circle")];

        // The legend has one too.
        XElement ring = circles.Where(circle => circle.Attribute("class")!.Value == "ring").Skip(1).Single();
        XElement point = circles.Single(circle => circle.Element("title")?.Value.StartsWith("Q4_K_M", StringComparison.Ordinal) == true);
        Assert.Equal((ring.Attribute("cx")!.Value, ring.Attribute("cy")!.Value), (point.Attribute("cx")!.Value, point.Attribute("cy")!.Value));
        Assert.DoesNotContain("class=\"ring\"", SizeQualityChart.Draw(report, recommended: null, out _), StringComparison.Ordinal);
    }

    [Fact]
    public void The_names_of_forty_files_cover_neither_each_other_nor_a_point()
    {
        QuantReport report = ExampleReport.CreateLarge();
        XElement picture = XElement.Parse(SizeQualityChart.Draw(report, report.Rows[20], out bool areAllNamed));
        Box area = new(0, 0, Number(picture, "width"), Number(picture, "height"));
        Box[] points = [.. picture.Elements("circle").Where(circle => circle.Element("title") is not null).Select(circle => Box.Around(Number(circle, "cx"), Number(circle, "cy"), 5))];
        Box[] names =
        [
            .. picture.Elements("text").Where(text => text.Attribute("class")!.Value.StartsWith("name", StringComparison.Ordinal))
                .Select(text => new Box(Number(text, "x"), Number(text, "y") - 10, ReportText.WidthOf(text.Value), 12)),
        ];

        Assert.Equal(40, points.Length);
        Assert.Equal(areAllNamed, names.Length == points.Length);
        Assert.InRange(names.Length, 25, 40);
        Assert.All(names, name => Assert.True(area.Contains(name)));
        Assert.DoesNotContain(names, name => points.Any(name.Overlaps) || names.Any(other => other != name && other.Overlaps(name)));
    }

    [Fact]
    public void A_name_without_room_is_left_out()
    {
        LabelPlacement labels = new(new(0, 0, 100, 20));

        Assert.NotNull(labels.Place(60, 10, 10, 5));
        Assert.Null(labels.Place(60, 20, 10, 5));
    }

    [Fact]
    public void Sizes_are_marked_in_round_numbers_of_one_unit()
    {
        SizeScale scale = new(0.4 * (1 << 30), 2.1 * (1 << 30), 0, 100);

        Assert.Equal(["0.5 GiB", "1 GiB", "1.5 GiB", "2 GiB"], scale.Ticks.Select(scale.Label));
        Assert.All(scale.Ticks, tick => Assert.InRange(scale[tick], 0, 100));
    }

    [Fact]
    public void Equal_sizes_are_drawn() =>
        Assert.DoesNotMatch("NaN|Infinity", SizeQualityChart.Draw(ExampleReport.Create(further: []) with { Rows = [ExampleReport.Row("a", 1000, 0.1), ExampleReport.Row("b", 1000, 0.2)] }, recommended: null, out _));

    private static double Number(XElement element, string attribute) => double.Parse(element.Attribute(attribute)!.Value, CultureInfo.InvariantCulture);

    private static int PointsOfFront(QuantReport report) => Front().Match(SizeQualityChart.Draw(report, recommended: null, out _)).Groups[1].Value.Split(' ').Length;

    [GeneratedRegex("<polyline class=\"front\" points=\"([^\"]*)\"/>")]
    private static partial Regex Front();
}

using static GgufQuant.Evaluation.Reports.ReportText;

namespace GgufQuant.Evaluation.Reports;

/// <summary>Size against quality, one point per quantization, and the Pareto front: those that no other beats in both.</summary>
internal static class SizeQualityChart
{
    private const double Left = 76;
    private const double Right = 24;
    private const double Top = 40;
    private const double Bottom = 58;
    private const double PointRadius = 5;
    private const double RingRadius = 9;
    private const int LongestName = 30;

    // More points need more room for their names.
    private const int Few = 12;

    /// <summary>The figure; empty if there are fewer than two points.</summary>
    /// <param name="report">The report.</param>
    /// <param name="recommended">The quantization to mark; null for none.</param>
    /// <param name="areAllNamed">Whether there was room for the name of each point.</param>
    public static string Draw(QuantReport report, QuantReportRow? recommended, out bool areAllNamed)
    {
        areAllNamed = true;
        bool hasPredictions = report.Rows.Any(row => row.Predictions is not null);
        (QuantReportRow Row, double Loss)[] points =
        [
            .. report.BySize.Select(row => (row, Loss: hasPredictions ? row.Predictions?.KlDivergence.Value : row.Weights?.RelativeRmsError))
                .Where(point => point.Loss > 0 && double.IsFinite(point.Loss.Value))
                .Select(point => (point.row, point.Loss!.Value)),
        ];
        if (points.Length < 2)
            return "";
        (double width, double height) = points.Length > Few ? (1080, 620) : (760, 440);
        double right = width - Right, bottom = height - Bottom;
        string measure = hasPredictions ? "Mean KL divergence" : "Relative error of weights";
        SizeScale across = new(points.Min(point => point.Row.Size), points.Max(point => point.Row.Size), Left, right);
        LogScale down = new(points.Select(point => point.Loss), bottom, Top);
        SvgBuilder svg = new("size-quality", $"Size against {measure.ToLowerInvariant()}", Describe(points, measure), width, height);

        foreach (double tick in down.Ticks)
        {
            svg.Add($"""<line class="grid" x1="{Left}" x2="{right}" y1="{down[tick]}" y2="{down[tick]}"/>""");
            svg.Add($"""<text class="tick" x="{Left - 8}" y="{down[tick] + 4}" text-anchor="end">{Tick(tick)}</text>""");
        }
        foreach (double tick in across.Ticks)
        {
            svg.Add($"""<line class="axis" x1="{across[tick]}" x2="{across[tick]}" y1="{bottom}" y2="{bottom + 5}"/>""");
            svg.Add($"""<text class="tick" x="{across[tick]}" y="{bottom + 20}" text-anchor="middle">{across.Label(tick)}</text>""");
        }
        svg.Add($"""<line class="axis" x1="{Left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>""");
        svg.Add($"""<text class="label" x="{(Left + right) / 2}" y="{height - 12}" text-anchor="middle">File size</text>""");
        svg.Add($"""<text class="label" transform="translate(16 {(Top + bottom) / 2}) rotate(-90)" text-anchor="middle">{measure} (log)</text>""");
        Legend(svg, points.Any(point => point.Row == recommended));

        LabelPlacement labels = new(new(Left + 2, Top - 10, width - Left - 4, bottom - Top + 8));
        foreach ((QuantReportRow row, double loss) in points)
            labels.AddPoint(across[row.Size], down[loss], row == recommended ? RingRadius : PointRadius);
        (QuantReportRow Row, double Loss)[] front = [.. points.Where(point => IsOnFront(point, points))];
        for (int i = 1; i < front.Length; i++)
            labels.AddLine((across[front[i - 1].Row.Size], down[front[i - 1].Loss]), (across[front[i].Row.Size], down[front[i].Loss]));
        svg.Add($"""<polyline class="front" points="{string.Join(' ', front.Select(point => FormattableString.Invariant($"{across[point.Row.Size]:0.##},{down[point.Loss]:0.##}")))}"/>""");

        // Names that matter most come first, while there is room beside their points.
        foreach ((QuantReportRow row, double loss) in points.OrderBy(point => point.Row != recommended).ThenBy(point => !front.Contains(point)))
        {
            double x = across[row.Size], y = down[loss];
            string name = Shorten(row.Name, LongestName);
            double radius = row == recommended ? RingRadius : PointRadius;
            Box? label = labels.Place(WidthOf(name), x, y, radius);
            areAllNamed &= label is not null;
            if (label is { } box && LabelPlacement.Leader(box, x, y, radius) is { } end)
                svg.Add($"""<line class="leader" x1="{x}" y1="{y}" x2="{end.X}" y2="{end.Y}"/>""");
            if (row == recommended)
                svg.Add($"""<circle class="ring" cx="{x}" cy="{y}" r="{RingRadius}"/>""");
            svg.Add($"""<circle class="{(front.Contains((row, loss)) ? "point" : "beaten")}" cx="{x}" cy="{y}" r="{PointRadius}"><title>{Html(row.Name)}: {Size(row.Size)}, {measure.ToLowerInvariant()} {Significant(loss)}</title></circle>""");
            if (label is { } placed)
                svg.Add($"""<text class="{(row == recommended ? "name pick" : "name")}" x="{placed.X}" y="{placed.Y + 12}">{Html(name)}</text>""");
        }
        return svg.ToString();
    }

    private static bool IsOnFront((QuantReportRow Row, double Loss) point, (QuantReportRow Row, double Loss)[] points) =>
        !points.Any(other => other.Row.Size <= point.Row.Size && other.Loss < point.Loss);

    private static void Legend(SvgBuilder svg, bool hasRecommended)
    {
        const double Y = 14;
        svg.Add($"""<line class="front" x1="{Left}" x2="{Left + 28}" y1="{Y}" y2="{Y}"/><circle class="point" cx="{Left + 14}" cy="{Y}" r="{PointRadius}"/><text class="tick" x="{Left + 36}" y="{Y + 4}">Pareto front</text>""");
        svg.Add($"""<circle class="beaten" cx="{Left + 140}" cy="{Y}" r="{PointRadius}"/><text class="tick" x="{Left + 152}" y="{Y + 4}">another is smaller and better</text>""");
        if (hasRecommended)
            svg.Add($"""<circle class="ring" cx="{Left + 362}" cy="{Y}" r="{RingRadius}"/><circle class="point" cx="{Left + 362}" cy="{Y}" r="{PointRadius}"/><text class="tick" x="{Left + 378}" y="{Y + 4}">recommended</text>""");
    }

    private static string Describe((QuantReportRow Row, double Loss)[] points, string measure) =>
        $"{measure} on a logarithmic axis by file size; lower and further left is better. "
        + string.Join("; ", points.Select(point => $"{point.Row.Name} {Size(point.Row.Size)}, {Significant(point.Loss)}")) + ".";
}

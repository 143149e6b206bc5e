using static GgufQuant.Evaluation.Reports.ReportText;

namespace GgufQuant.Evaluation.Reports;

/// <summary>Size against quality, one point per quantization.</summary>
internal static class SizeQualityChart
{
    private const double Width = 760;
    private const double Height = 420;
    private const double Left = 76;
    private const double Right = 24;
    private const double Top = 18;
    private const double Bottom = 58;
    private const double CharacterWidth = 7.4;
    private const double LineHeight = 16;

    /// <summary>The figure; empty if there are fewer than two points.</summary>
    public static string Draw(QuantReport report)
    {
        bool hasPredictions = report.Rows.Any(row => row.Predictions is not null);
        (QuantReportRow Row, double Loss)[] points =
        [
            .. report.BySize.Select(row => (row, Loss: hasPredictions ? row.Predictions?.KlDivergence.Value : row.Weights?.RelativeRmsError))
                .Where(point => point.Loss > 0)
                .Select(point => (point.row, point.Loss!.Value)),
        ];
        if (points.Length < 2)
            return "";
        string measure = hasPredictions ? "Mean KL divergence" : "Relative error of weights";
        double largest = points.Max(point => point.Row.Size) * 1.08;
        LogScale vertical = new(points.Select(point => point.Loss), Height - Bottom, Top);
        SvgBuilder svg = new("size-quality", $"Size against {measure.ToLowerInvariant()}", Describe(points, measure), Width, Height);

        foreach (double tick in vertical.Ticks)
        {
            svg.Add($"""<line class="grid" x1="{Left}" x2="{Width - Right}" y1="{vertical[tick]}" y2="{vertical[tick]}"/>""");
            svg.Add($"""<text class="tick" x="{Left - 8}" y="{vertical[tick] + 4}" text-anchor="end">{Tick(tick)}</text>""");
        }
        for (double size = 0; size <= largest; size += Step(largest))
        {
            svg.Add($"""<line class="axis" x1="{X(size)}" x2="{X(size)}" y1="{Height - Bottom}" y2="{Height - Bottom + 5}"/>""");
            svg.Add($"""<text class="tick" x="{X(size)}" y="{Height - Bottom + 20}" text-anchor="middle">{(size == 0 ? "0" : SizeTick(size))}</text>""");
        }
        svg.Add($"""<line class="axis" x1="{Left}" x2="{Width - Right}" y1="{Height - Bottom}" y2="{Height - Bottom}"/>""");
        svg.Add($"""<text class="label" x="{(Left + Width - Right) / 2}" y="{Height - 12}" text-anchor="middle">File size</text>""");
        svg.Add($"""<text class="label" transform="translate(16 {(Top + Height - Bottom) / 2}) rotate(-90)" text-anchor="middle">{measure} (log)</text>""");

        IEnumerable<string> front = Front(points).Select(point => Coordinates(X(point.Row.Size), vertical[point.Loss]));
        svg.Add($"""<polyline class="front" points="{string.Join(' ', front)}"/>""");
        List<Box> taken = [.. points.Select(point => Box.Around(X(point.Row.Size), vertical[point.Loss], 7))];
        foreach ((QuantReportRow row, double loss) in points)
        {
            double x = X(row.Size), y = vertical[loss];
            svg.Add($"""<circle class="point" cx="{x}" cy="{y}" r="5"><title>{Html(row.Name)}: {Size(row.Size)}, {measure.ToLowerInvariant()} {Significant(loss)}</title></circle>""");
            Box label = Label(row.Name, x, y, taken);
            svg.Add($"""<text class="name" x="{label.X}" y="{label.Y + 12}">{Html(row.Name)}</text>""");
        }
        return svg.ToString();

        double X(double size) => Left + (size / largest * (Width - Left - Right));
    }

    // Points that no other point beats in both size and loss.
    private static IEnumerable<(QuantReportRow Row, double Loss)> Front((QuantReportRow Row, double Loss)[] points) =>
        points.Where(point => !points.Any(other => other.Row.Size <= point.Row.Size && other.Loss < point.Loss));

    private static string Describe((QuantReportRow Row, double Loss)[] points, string measure) =>
        $"{measure} on a logarithmic axis by file size; lower and further left is better. "
        + string.Join("; ", points.Select(point => $"{point.Row.Name} {Size(point.Row.Size)}, {Significant(point.Loss)}")) + ".";

    private static Box Label(string name, double x, double y, List<Box> taken)
    {
        double width = name.Length * CharacterWidth;
        (double X, double Y)[] corners =
        [
            (x + 9, y - 10), (x - 9 - width, y - 10), (x - (width / 2), y - 26), (x - (width / 2), y + 8),
            (x + 9, y - 24), (x + 9, y + 6), (x - 9 - width, y - 24), (x - 9 - width, y + 6), (x + 9, y - 40), (x + 9, y + 22),
        ];
        Box best = corners.Select(corner => new Box(corner.X, corner.Y, width, LineHeight))
            .MinBy(box => taken.Count(other => other.Overlaps(box)) + (box.X < Left || box.X + width > Width ? 10 : 0));
        taken.Add(best);
        return best;
    }

    // In steps that are round numbers of binary units.
    private static double Step(double largest)
    {
        double unit = Math.Pow(1024, Math.Floor(Math.Log(largest, 1024)));
        double rough = largest / unit / 6;
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double[] steps = [1, 2, 5, 10];
        return unit * power * steps.First(step => step >= rough / power * 0.9999);
    }

    private static string Coordinates(double x, double y) => FormattableString.Invariant($"{x:0.##},{y:0.##}");

    private readonly record struct Box(double X, double Y, double Width, double Height)
    {
        public static Box Around(double x, double y, double radius) => new(x - radius, y - radius, 2 * radius, 2 * radius);

        public bool Overlaps(Box other) =>
            X < other.X + other.Width && other.X < X + Width && Y < other.Y + other.Height && other.Y < Y + Height;
    }
}

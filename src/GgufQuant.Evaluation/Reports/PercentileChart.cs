using GgufQuant.Evaluation.Perplexity;
using static GgufQuant.Evaluation.Reports.ReportText;

namespace GgufQuant.Evaluation.Reports;

/// <summary>The distribution of the KL divergence over the text's tokens, one line per quantization.</summary>
internal static class PercentileChart
{
    private const double Width = 760;
    private const double LeastLeft = 96;
    private const double Right = 24;
    private const double Top = 40;
    private const double Bottom = 46;
    private const int LongestName = 30;
    private const int Few = 16;

    /// <summary>The figure; empty if no divergence was measured.</summary>
    public static string Draw(QuantReport report)
    {
        QuantReportRow[] rows = [.. report.BySize.Where(row => row.Predictions is not null)];
        if (rows.Length == 0)
            return "";
        string[] names = [.. rows.Select(row => Shorten(row.Name, LongestName))];
        double left = Math.Max(LeastLeft, names.Max(WidthOf) + 20);
        double rowHeight = rows.Length > Few ? 22 : 30;
        double bottom = Top + (rows.Length * rowHeight);
        LogScale scale = new(rows.SelectMany(row => Drawn(row.Predictions!)), left, Width - Right);
        SvgBuilder svg = new("percentiles", "Spread of the KL divergence over tokens", Describe(rows), Width, bottom + Bottom);

        foreach (double tick in scale.Ticks)
        {
            svg.Add($"""<line class="grid" x1="{scale[tick]}" x2="{scale[tick]}" y1="{Top - 6}" y2="{bottom}"/>""");
            svg.Add($"""<text class="tick" x="{scale[tick]}" y="{bottom + 18}" text-anchor="middle">{Tick(tick)}</text>""");
        }
        svg.Add($"""<text class="label" x="{(left + Width - Right) / 2}" y="{bottom + 38}" text-anchor="middle">KL divergence of a token's prediction, nats (log)</text>""");
        Legend(svg, left);
        for (int i = 0; i < rows.Length; i++)
        {
            double y = Top + ((i + 0.5) * rowHeight);
            KlDivergenceResult result = rows[i].Predictions!;
            Percentiles kl = result.KlPercentiles;
            svg.Add($"""<g><title>{Html(rows[i].Name)}: median {Significant(kl.Median)}, mean {Significant(result.KlDivergence.Value)}, 90% {Significant(kl.P90)}, 95% {Significant(kl.P95)}, 99% {Significant(kl.P99)}, 99.9% {Significant(kl.P999)}, maximum {Significant(kl.Maximum)}</title>""");
            svg.Add($"""<text class="name" x="{left - 12}" y="{y + 4}" text-anchor="end">{Html(names[i])}</text>""");
            svg.Add($"""<line class="range" x1="{scale[kl.Median]}" x2="{scale[kl.P999]}" y1="{y}" y2="{y}"/>""");
            svg.Add($"""<line class="inner" x1="{scale[kl.P90]}" x2="{scale[kl.P99]}" y1="{y}" y2="{y}"/>""");
            svg.Add($"""<circle class="point" cx="{scale[kl.Median]}" cy="{y}" r="5"/>""");
            svg.Add($"""<circle class="hollow" cx="{scale[kl.Maximum]}" cy="{y}" r="4"/>""");
            svg.Add($"""<line class="mean" x1="{scale[result.KlDivergence.Value]}" x2="{scale[result.KlDivergence.Value]}" y1="{y - 8}" y2="{y + 8}"/></g>""");
        }
        return svg.ToString();
    }

    private static IEnumerable<double> Drawn(KlDivergenceResult result) =>
        [result.KlPercentiles.Median, result.KlDivergence.Value, result.KlPercentiles.P999, result.KlPercentiles.Maximum];

    private static void Legend(SvgBuilder svg, double left)
    {
        const double Y = 14;
        svg.Add($"""<circle class="point" cx="{left + 6}" cy="{Y}" r="5"/><text class="tick" x="{left + 16}" y="{Y + 4}">median</text>""");
        svg.Add($"""<line class="mean" x1="{left + 82}" x2="{left + 82}" y1="{Y - 8}" y2="{Y + 8}"/><text class="tick" x="{left + 90}" y="{Y + 4}">mean</text>""");
        svg.Add($"""<line class="inner" x1="{left + 144}" x2="{left + 172}" y1="{Y}" y2="{Y}"/><text class="tick" x="{left + 180}" y="{Y + 4}">90% to 99%</text>""");
        svg.Add($"""<line class="range" x1="{left + 272}" x2="{left + 300}" y1="{Y}" y2="{Y}"/><text class="tick" x="{left + 308}" y="{Y + 4}">to 99.9%</text>""");
        svg.Add($"""<circle class="hollow" cx="{left + 386}" cy="{Y}" r="4"/><text class="tick" x="{left + 396}" y="{Y + 4}">maximum</text>""");
    }

    private static string Describe(QuantReportRow[] rows) =>
        "Percentiles of the divergence over all scored tokens on a logarithmic axis. "
        + string.Join("; ", rows.Select(row =>
            $"{row.Name}: median {Significant(row.Predictions!.KlPercentiles.Median)}, 99% {Significant(row.Predictions.KlPercentiles.P99)}")) + ".";
}

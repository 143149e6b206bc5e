using System.Globalization;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Reports;

/// <summary>Numbers, estimates, axis labels and escaped text of reports, the same in every culture.</summary>
internal static class ReportText
{
    public static string Size(long bytes) => NumberText.Size(bytes, CultureInfo.InvariantCulture);

    public static string Significant(double value) => NumberText.Significant(value, CultureInfo.InvariantCulture);

    public static string Fixed(double value, int decimals) => NumberText.Fixed(value, decimals, CultureInfo.InvariantCulture);

    /// <summary>A value and its error, both to the error's first significant digit, or its second if the first is a 1.</summary>
    public static string Estimate(MeanEstimate estimate)
    {
        if (!(estimate.Error > 0) || !double.IsFinite(estimate.Error))
            return Significant(estimate.Value);
        int decimals = NumberText.DecimalsOf(estimate.Error, most: 9);
        return $"{Fixed(estimate.Value, decimals)} ± {Fixed(estimate.Error, decimals)}";
    }

    /// <summary>A difference and its error.</summary>
    public static string Change(MeanEstimate difference) => (difference.Value < 0 ? "" : "+") + Estimate(difference);

    /// <summary>The shortest label of an axis tick.</summary>
    public static string Tick(double value) => value.ToString("0.#########", CultureInfo.InvariantCulture);

    /// <summary>The label of a tick on an axis of sizes.</summary>
    public static string SizeTick(double bytes)
    {
        (double value, string unit) = NumberText.InBinaryUnit(bytes);
        return $"{Tick(Math.Round(value, 3))} {unit}";
    }

    /// <summary>A share from 0 to 1 in per cent.</summary>
    public static string Percent(double share, int decimals = 1) => Fixed(100 * share, decimals) + "%";

    /// <summary>Text escaped for HTML and SVG; the page is UTF-8, so only markup needs escaping.</summary>
    public static string Html(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("\"", "&quot;", StringComparison.Ordinal);
}

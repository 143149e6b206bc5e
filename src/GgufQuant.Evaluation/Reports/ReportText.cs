using System.Globalization;
using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Evaluation.Reports;

/// <summary>How reports write numbers, in any culture alike.</summary>
internal static class ReportText
{
    private static readonly string[] s_units = ["B", "KiB", "MiB", "GiB", "TiB"];

    public static string Size(double bytes)
    {
        int unit = Unit(ref bytes);
        return $"{Significant(bytes)} {s_units[unit]}";
    }

    /// <summary>Three digits that count, without an exponent.</summary>
    public static string Significant(double value)
    {
        if (value == 0 || !double.IsFinite(value))
            return value.ToString(CultureInfo.InvariantCulture);
        int decimals = Math.Clamp(2 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 9);
        return value.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }

    /// <summary>A value and its error, both to the error's first digit, or its second where the first is a 1.</summary>
    public static string Estimate(MeanEstimate estimate)
    {
        if (!(estimate.Error > 0) || !double.IsFinite(estimate.Error))
            return Significant(estimate.Value);
        int place = (int)Math.Floor(Math.Log10(estimate.Error));
        int decimals = Math.Clamp((estimate.Error < 2 * Math.Pow(10, place) ? 1 : 0) - place, 0, 9);
        return $"{Fixed(estimate.Value, decimals)} ± {Fixed(estimate.Error, decimals)}";
    }

    /// <summary>A mark of an axis: as short as it can be.</summary>
    public static string Tick(double value) => value.ToString("0.#########", CultureInfo.InvariantCulture);

    /// <summary>A mark of an axis of sizes.</summary>
    public static string SizeTick(double bytes)
    {
        int unit = Unit(ref bytes);
        return $"{Tick(Math.Round(bytes, 3))} {s_units[unit]}";
    }

    public static string Fixed(double value, int decimals) => value.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>A share of 0 to 1 in per cent.</summary>
    public static string Percent(double share, int decimals = 1) => Fixed(100 * share, decimals) + "%";

    private static int Unit(ref double bytes)
    {
        int unit = 0;
        while (bytes >= 1000 && unit < s_units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }
        return unit;
    }

    /// <summary>Text for HTML and SVG; the page is UTF-8, so only markup needs care.</summary>
    public static string Html(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("\"", "&quot;", StringComparison.Ordinal);
}

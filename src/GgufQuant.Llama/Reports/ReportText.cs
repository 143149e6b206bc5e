using System.Globalization;
using System.Net;

namespace GgufQuant.Llama.Reports;

/// <summary>How reports write numbers, in any culture alike.</summary>
internal static class ReportText
{
    private static readonly string[] s_units = ["B", "KiB", "MiB", "GiB", "TiB"];

    public static string Size(double bytes)
    {
        int unit = 0;
        while (bytes >= 1000 && unit < s_units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }
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

    public static string Fixed(double value, int decimals) => value.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>A share of 0 to 1 in per cent.</summary>
    public static string Percent(double share, int decimals = 1) => Fixed(100 * share, decimals) + "%";

    /// <summary>Text for HTML and SVG.</summary>
    public static string Html(string text) => WebUtility.HtmlEncode(text);
}

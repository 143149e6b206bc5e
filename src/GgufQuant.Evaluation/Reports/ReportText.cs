using System.Globalization;
using System.Text;
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

    /// <summary>A share from 0 to 1 in per cent.</summary>
    public static string Percent(double share, int decimals = 1) => Fixed(100 * share, decimals) + "%";

    /// <summary>Text escaped for HTML and SVG; the page is UTF-8, so only markup needs escaping. What XML cannot contain becomes U+FFFD.</summary>
    public static string Html(string text)
    {
        StringBuilder escaped = new(text.Length + 8);
        foreach (Rune character in text.EnumerateRunes())
        {
            _ = character.Value switch
            {
                '&' => escaped.Append("&amp;"),
                '<' => escaped.Append("&lt;"),
                '>' => escaped.Append("&gt;"),
                '"' => escaped.Append("&quot;"),
                '\'' => escaped.Append("&#39;"),
                '\n' or '\r' or '\t' => escaped.Append(character),
                < 0x20 or 0xFFFE or 0xFFFF => escaped.Append('\uFFFD'),
                _ => escaped.Append(character),
            };
        }
        return escaped.ToString();
    }

    /// <summary>A name of at most so many characters, without its middle if it is longer: names of files differ at the end.</summary>
    public static string Shorten(string name, int most)
    {
        if (name.Length <= most)
            return name;
        int tail = (most - 1) * 2 / 3;
        return $"{name[..(most - 1 - tail)]}…{name[^tail..]}";
    }

    /// <summary>The width of a name in a figure, estimated for a wide font: the reader's is unknown.</summary>
    public static double WidthOf(string name) => name.Sum(character => character switch { >= 'a' and <= 'z' or '-' or '.' => 8.2, < '\u1100' => 9.2, _ => 14 });
}

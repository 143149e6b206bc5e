using System.Globalization;

namespace GgufQuant.IO;

/// <summary>Sizes, counts and measurements as text for people: in their culture, unless another one is given.</summary>
public static class NumberText
{
    private static readonly string[] s_binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB"];
    private static readonly string[] s_decimalUnits = ["", "K", "M", "B", "T"];

    /// <summary>A size in bytes with three significant digits: <c>4.58 GiB</c>.</summary>
    public static string Size(long bytes, CultureInfo? culture = null)
    {
        (double value, string unit) = InBinaryUnit(bytes);
        return Math.Abs(bytes) < 1000 ? $"{bytes} B" : $"{ThreeDigits(value, culture)} {unit}";
    }

    /// <summary>A count with three significant digits: <c>8.03 B</c>.</summary>
    public static string Count(long count, CultureInfo? culture = null)
    {
        double value = count;
        int unit = 0;
        while (Math.Abs(value) >= 999.5 && unit < s_decimalUnits.Length - 1)
        {
            value /= 1000;
            unit++;
        }
        return unit == 0 ? count.ToString(culture) : $"{ThreeDigits(value, culture)} {s_decimalUnits[unit]}";
    }

    /// <summary>A rate in millions of weights per second.</summary>
    public static string Rate(double weightsPerSecond, CultureInfo? culture = null) => $"{ThreeDigits(weightsPerSecond / 1e6, culture)} M/s";

    /// <summary>Three digits, at most two of them after the point: <c>0.42</c>, <c>12.3</c>, <c>185</c>.</summary>
    public static string ThreeDigits(double value, CultureInfo? culture = null) =>
        value.ToString(Math.Abs(value) switch { < 9.995 => "0.00", < 99.95 => "0.0", _ => "0" }, culture);

    /// <summary>Three significant digits without an exponent: <c>0.0313</c>.</summary>
    public static string Significant(double value, CultureInfo? culture = null)
    {
        if (value == 0 || !double.IsFinite(value))
            return value.ToString(culture);
        return Fixed(value, Math.Clamp(2 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 9), culture);
    }

    /// <summary>A number with this many digits after the point.</summary>
    internal static string Fixed(double value, int decimals, CultureInfo? culture = null) =>
        value.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), culture);

    /// <summary>Decimals that show an error to its first significant digit, or its second if the first is a 1.</summary>
    /// <returns>0 to <paramref name="most"/>; <paramref name="most"/> for an error that is zero or not finite.</returns>
    public static int DecimalsOf(double error, int most)
    {
        if (!(error > 0) || !double.IsFinite(error))
            return most;
        int exponent = (int)Math.Floor(Math.Log10(error));
        return Math.Clamp((error < 2 * Math.Pow(10, exponent) ? 1 : 0) - exponent, 0, most);
    }

    /// <summary>A size in the unit that leaves less than 1000 of it.</summary>
    internal static (double Value, string Unit) InBinaryUnit(double bytes)
    {
        int unit = 0;
        while (Math.Abs(bytes) >= 1000 && unit < s_binaryUnits.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }
        return (bytes, s_binaryUnits[unit]);
    }
}

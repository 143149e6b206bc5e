using System.ComponentModel;
using System.Globalization;
using GgufQuant.Catalog;

namespace GgufQuant.Commands;

/// <summary>How the format file shows sizes, shares, times and names. Not meant to be called from scripts.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Formatting
{
    private static readonly string[] s_binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB"];
    private static readonly string[] s_decimalUnits = ["", "K", "M", "B", "T"];

    /// <summary>A size in bytes with three digits that count: <c>4.58 GiB</c>.</summary>
    public static string Size(long bytes)
    {
        double value = bytes;
        int unit = 0;
        while (Math.Abs(value) >= 1000 && unit < s_binaryUnits.Length - 1)
        {
            value /= 1024;
            unit++;
        }
        return unit == 0 ? $"{bytes} B" : $"{Digits(value)} {s_binaryUnits[unit]}";
    }

    /// <summary>A size that may be missing.</summary>
    public static string? Size(long? bytes) => bytes is long known ? Size(known) : null;

    /// <summary>A count with three digits that count: <c>8.03 B</c>.</summary>
    public static string Count(long count)
    {
        double value = count;
        int unit = 0;
        while (Math.Abs(value) >= 999.5 && unit < s_decimalUnits.Length - 1)
        {
            value /= 1000;
            unit++;
        }
        return unit == 0 ? count.ToString(CultureInfo.InvariantCulture) : $"{Digits(value)} {s_decimalUnits[unit]}";
    }

    /// <summary>A number with its thousands apart.</summary>
    public static string? Number(long? number) => number?.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A share of 0 to 1 in per cent with one digit after the point.</summary>
    public static string? Percent(double? share) =>
        share?.ToString("0.0%", CultureInfo.InvariantCulture);

    /// <summary>Bits a weight takes, with two digits after the point.</summary>
    public static string? Bits(double? bits) => bits?.ToString("0.00", CultureInfo.InvariantCulture);

    /// <summary>A measurement with four digits that count: <c>0.03127</c>.</summary>
    public static string? Measure(double? value)
    {
        if (value is not double known)
            return null;
        if (known == 0 || !double.IsFinite(known))
            return known.ToString(CultureInfo.InvariantCulture);
        int decimals = Math.Clamp(3 - (int)Math.Floor(Math.Log10(Math.Abs(known))), 0, 9);
        return known.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }

    /// <summary>A duration as one reads a clock: <c>0.42 s</c>, <c>12.3 s</c>, <c>3:05</c>, <c>1:02:03</c>.</summary>
    public static string Duration(TimeSpan duration)
    {
        if (duration < TimeSpan.FromMinutes(1))
            return $"{Digits(duration.TotalSeconds)} s";
        string format = duration < TimeSpan.FromHours(1) ? @"m\:ss" : $@"'{(int)duration.TotalHours}'\:mm\:ss";
        return duration.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>A rate in millions of weights a second.</summary>
    public static string Rate(double weightsPerSecond) => $"{Digits(weightsPerSecond / 1e6)} M/s";

    /// <summary>The file's name alone.</summary>
    public static string FileName(string path) => Path.GetFileName(path);

    /// <summary>Which blocks a type is made of.</summary>
    public static string Block(QuantType type) =>
        type.BlockSize == 1
            ? "1 weight"
            : $"{type.BlockSize} weights in {type.BlockBytes} bytes ({type.Format.Name}, {Bits(type.Format.BitsPerWeight)} bits a weight)";

    /// <summary>Everything published about a type, each with its source.</summary>
    public static string Published(QuantType type) => string.Join('\n', type.Published.Select(Published));

    /// <summary>What the pieces of a name stand for, a line each.</summary>
    public static string NameParts(QuantType type)
    {
        int width = type.NameParts.Max(part => part.Text.Length);
        return string.Join('\n', type.NameParts.Select(part => $"{part.Text.PadRight(width)}  {part.Meaning}"));
    }

    private static string Digits(double value) =>
        value.ToString(Math.Abs(value) switch { < 9.995 => "0.00", < 99.95 => "0.0", _ => "0" }, CultureInfo.InvariantCulture);

    private static string Published(PublishedQuality row)
    {
        List<string> facts = [];
        if (row.Size is long size)
            facts.Add(Size(size));
        if (row.PerplexityIncrease is double increase)
            facts.Add($"perplexity +{Measure(increase)}");
        if (row.KlDivergence is double divergence)
            facts.Add($"KL divergence {Measure(divergence)}");
        if (row.TopTokenMatch is double match)
            facts.Add($"same top token {Percent(match)}");
        if (row.RelativeQuality is double quality)
            facts.Add($"quality {Percent(quality)}");
        string imatrix = row.Imatrix ? " with importance matrix" : "";
        return $"{row.Model}{imatrix}: {string.Join(", ", facts)}\n  [{row.Source}]";
    }
}

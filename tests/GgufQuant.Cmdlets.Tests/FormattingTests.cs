using System.Globalization;
using GgufQuant.Commands;

namespace GgufQuant.Cmdlets.Tests;

public class FormattingTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "0.98 KiB")]
    [InlineData(1024, "1.00 KiB")]
    [InlineData(4917832192, "4.58 GiB")]
    [InlineData(107374182400, "100 GiB")]
    [InlineData(-2048, "-2.00 KiB")]
    [InlineData(long.MaxValue, "8388608 TiB")]
    public void Sizes_have_three_digits_that_count(long bytes, string expected) => Assert.Equal(expected, Formatting.Size(bytes));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(999, "999")]
    [InlineData(1000, "1.00 K")]
    [InlineData(5770496, "5.77 M")]
    [InlineData(8030261248, "8.03 B")]
    [InlineData(999_999, "1.00 M")]
    public void Counts_have_three_digits_that_count(long count, string expected) => Assert.Equal(expected, Formatting.Count(count));

    [Theory]
    [InlineData(0.0312728, "0.0313")]
    [InlineData(0.000551, "0.000551")]
    [InlineData(1.5, "1.50")]
    [InlineData(123.456, "123")]
    [InlineData(-0.00281, "-0.00281")]
    [InlineData(0.0, "0")]
    [InlineData(1e-12, "0.000000000")]
    public void Measurements_have_three_digits_that_count(double value, string expected) =>
        Assert.Equal(expected, Formatting.Measure(value));
    [Theory]
    [InlineData(0.42, "0.42 s")]
    [InlineData(12.34, "12.3 s")]
    [InlineData(185, "3:05")]
    [InlineData(3723, "1:02:03")]
    [InlineData(90061, "25:01:01")]
    public void Durations_read_like_a_clock(double seconds, string expected) =>
        Assert.Equal(expected, Formatting.Duration(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Nothing_depends_on_the_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NumberDecimalSeparator = ",", PercentDecimalSeparator = ",", NumberGroupSeparator = "." } };
            Assert.Equal("1.50 KiB", Formatting.Size(1536));
            Assert.Equal("12.5%", Formatting.Percent(0.125));
            Assert.Equal("4.89", Formatting.Bits(4.8944));
            Assert.Equal("128,256", Formatting.Number(128256));
            Assert.Equal("1.25 M/s", Formatting.Rate(1.25e6));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Text_wraps_between_words()
    {
        using PowerShellSession session = PowerShellSession.Start(width: 50);
        Assert.Equal(
            "one two three four\n  five six",
            Formatting.Wrap("one two three four five six", session.Host, indent: 28, hanging: 2));
        Assert.Equal("averyveryverylongwordthatfitsnowhere\nb", Formatting.Wrap("averyveryverylongwordthatfitsnowhere b", session.Host, indent: 28));
        Assert.Null(Formatting.Wrap(null, session.Host, indent: 0));
    }
}

using GgufQuant.IO;

namespace GgufQuant.Tests.IO;

public sealed class NumberTextTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "0.98 KiB")]
    [InlineData(10_239, "10.0 KiB")]
    [InlineData(102_350, "100 KiB")]
    [InlineData(4_920_734_272, "4.58 GiB")]
    [InlineData(long.MaxValue, "8388608 TiB")]
    public void A_size_has_three_digits_and_a_binary_unit(long bytes, string text) => Assert.Equal(text, NumberText.Size(bytes));

    [Theory]
    [InlineData(999, "999")]
    [InlineData(1000, "1.00 K")]
    [InlineData(999_499, "999 K")]
    [InlineData(999_500, "1.00 M")]
    [InlineData(8_030_261_248, "8.03 B")]
    public void A_count_has_three_digits_and_a_decimal_unit(long count, string text) => Assert.Equal(text, NumberText.Count(count));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(0.03127, "0.0313")]
    [InlineData(-12.34, "-12.3")]
    [InlineData(123456, "123456")]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.PositiveInfinity, "Infinity")]
    public void A_measurement_has_three_significant_digits(double value, string text) => Assert.Equal(text, NumberText.Significant(value));
}

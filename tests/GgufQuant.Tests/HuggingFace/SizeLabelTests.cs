using System.Collections.Immutable;
using GgufQuant.HuggingFace.Metadata;

namespace GgufQuant.Tests.HuggingFace;

public sealed class SizeLabelTests
{
    [Fact]
    public void Biases_of_experts_are_divided_by_the_experts_too()
    {
        SizeLabel label = SizeLabel.Of([("token_embd.weight", [1000, 100]), ("blk.0.ffn_up_exps.weight", [8, 100, 50]), ("blk.0.ffn_up_exps.bias", [1, 8, 50])]);
        Assert.Equal(new SizeLabel(Total: 140_400, Shared: 100_000, PerExpert: 5_050, Experts: 8), label);
        Assert.Equal("8x105K", label.ToString());
    }

    [Theory]
    [InlineData(999, "1.0K")]
    [InlineData(124_439_808, "124M")]
    [InlineData(7_241_732_096, "7.2B")]
    [InlineData(1_000_000_000_000, "1.0T")]
    public void Sizes_are_rounded_to_two_digits_or_whole_numbers(long weights, string expected) =>
        Assert.Equal(expected, SizeLabel.Of([("w", ImmutableArray.Create(weights))]).ToString());
}

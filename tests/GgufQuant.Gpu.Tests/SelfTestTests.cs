using GgufQuant.Formats;

namespace GgufQuant.Gpu.Tests;

/// <summary>The self-test notices a card that is wrong for one kind of input alone.</summary>
[Collection(OpenClTestDevice.Collection)]
public class SelfTestTests
{
    [Theory]
    [InlineData("half_to_float(bits)", "half_to_float(bits ^ 1)")]
    [InlineData("as_float(bits << 16)", "as_float((bits ^ 1) << 16)")]
    [InlineData("importance[column + i] * sqrt", "importance[column] * sqrt")]
    public void A_card_that_is_wrong_with_halves_or_with_importance_alone_is_rejected(string right, string wrong)
    {
        Assert.Contains(right, KernelSource.OpenCl("k-scale-min"), StringComparison.Ordinal);
        using IGpuDriver driver = OpenClTestDevice.Open(file => KernelSource.OpenCl(file).Replace(right, wrong, StringComparison.Ordinal));
        Assert.Equal("Its q4_K differs from the processor's.", SelfTest.Run(driver, [GgmlType.Q4_K], token: TestContext.Current.CancellationToken));
    }
}

using GgufQuant.Reference;
using GgufQuant.Tests.Formats;

namespace GgufQuant.Tests.Simd;

/// <summary>The format tests again, in processes that see narrower vectors or none: the same bytes at every width.</summary>
public class VectorWidthTests
{
    // The switches .NET 10 honours; older names such as DOTNET_EnableAVX512F no longer do anything.
    private static readonly string[] s_switches = ["DOTNET_EnableAVX512", "DOTNET_EnableAVX2", "DOTNET_EnableHWIntrinsic"];

    [Theory]
    [InlineData(512, null)]
    [InlineData(256, "DOTNET_EnableAVX512")]
    [InlineData(128, "DOTNET_EnableAVX2")]
    [InlineData(0, "DOTNET_EnableHWIntrinsic")]
    public async Task Every_format_is_exact_at(int bits, string? switchedOff)
    {
        Skip.UnlessExact();
        Assert.SkipWhen(bits > LaneWidth.Bits, $"This machine's vectors have {LaneWidth.Bits} bits.");
        Dictionary<string, string?> environment = s_switches.ToDictionary(name => name, name => name == switchedOff ? "0" : null);
        environment[LaneWidth.Variable] = bits.ToString();
        await ChildTests.AssertPassAsync(
            environment, ["-class", typeof(BlockFormatTests).FullName!, "-class", typeof(TailTests).FullName!],
            skippable: ReferenceLibrary.Build == ReferenceBuild.NuGet ? "IQ1_M" : null);
    }
}

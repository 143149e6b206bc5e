using System.Diagnostics;
using System.Text.RegularExpressions;
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
        Assert.SkipWhen(ReferenceLibrary.Missing is not null, ReferenceLibrary.Missing ?? "");
        Assert.SkipWhen(bits > LaneWidth.Bits, $"This machine's vectors have {LaneWidth.Bits} bits.");
        ProcessStartInfo start = new("dotnet")
        {
            ArgumentList =
            {
                "exec", typeof(VectorWidthTests).Assembly.Location, "-noLogo", "-noColor",
                "-class", typeof(BlockFormatTests).FullName!,
                "-class", typeof(TailTests).FullName!,
            },
            RedirectStandardOutput = true,
        };
        foreach (string name in s_switches)
            start.Environment.Remove(name);
        if (switchedOff is not null)
            start.Environment[switchedOff] = "0";
        start.Environment[LaneWidth.Variable] = bits.ToString();

        using Process child = Process.Start(start)!;
        string output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(child.ExitCode == 0, output);
        Match summary = Regex.Match(output, @"Total: (\d+), Errors: 0, Failed: 0, Skipped: 0");
        Assert.True(summary.Success && int.Parse(summary.Groups[1].Value) > 0, output);
    }
}

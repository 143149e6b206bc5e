using System.Globalization;

namespace GgufQuant.Shell.Tests;

/// <summary>Memory does not grow with the model, nor with its largest tensor or row.</summary>
public sealed class MemoryTests
{
    private const long Budget = 64 << 20;

    [Theory]
    [InlineData(4096, 1 << 16)]
    [InlineData(1 << 28, 1)]
    public void A_tensor_far_beyond_the_budget_is_quantized_within_it(long rowLength, long rows)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The most memory a process has had is told by Linux.");
        using TemporaryFolder folder = new();
        SparseModel.Write(folder.PathOf("large.gguf"), rowLength, rows);
        Assert.True(new FileInfo(folder.PathOf("large.gguf")).Length > 8 * Budget);
        long small = PeakOf(folder, Repository.SampleModel);
        long large = PeakOf(folder, folder.PathOf("large.gguf"));
        Assert.InRange(large, 1, small + Budget);
    }

    // What the engine and the runtime take is the same for each model.
    private static long PeakOf(TemporaryFolder folder, string model)
    {
        ShellResult result = ShellProcess.Run("-Command", $"""
            $null = ConvertTo-Quantized '{model}' -Type Q4_0 -Destination '{folder.PathOf("made.gguf")}' -Force -MemoryBudget {Budget}
            [Diagnostics.Process]::GetCurrentProcess().PeakWorkingSet64
            """);
        Assert.Equal(0, result.ExitCode);
        return long.Parse(result.Lines[^1], CultureInfo.InvariantCulture);
    }
}

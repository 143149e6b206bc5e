using System.Globalization;

namespace GgufQuant.Shell.Tests;

/// <summary>README's table of what each quantization costs. Alone, since running models takes all cores for a minute.</summary>
[Collection(nameof(QualityTests))]
public sealed class QualityTests
{
    // llama.cpp rounds otherwise where vectors have another width, which shows in the last digits of what it measures.
    [Fact]
    public void The_table_is_about_what_the_script_prints()
    {
        Assert.SkipUnless(Directory.Exists(Repository.PathOf("module", "native")), "llama.cpp's library is not there to run models.");
        Assert.SkipWhen(Directory.Exists(Repository.PathOf("module", "llamasharp")), "LLamaSharp shows no activations for the importance matrix.");
        using TemporaryFolder folder = new();
        ShellResult result = ShellProcess.RunWith("TMPDIR", folder.Path, Repository.PathOf("samples", "quality.ps1"));
        Assert.Equal("", result.Error);
        string[][] rows = [.. result.Lines.Where(line => line.EndsWith(".gguf", StringComparison.Ordinal)).Select(Cells).Where(cells => cells.Contains("±"))];
        Assert.Equal(8, rows.Length);
        foreach (string[] row in rows)
        {
            string[] told = File.ReadLines(Repository.PathOf("README.md")).Select(Cells).Single(cells => cells.Contains("±") && cells[^1] == row[^1]);
            Assert.Equal(told.Length, row.Length);
            Assert.All(told.Zip(row), pair => AssertAbout(pair.First, pair.Second));
        }
    }

    private static string[] Cells(string line) => line.Split([' ', '%'], StringSplitOptions.RemoveEmptyEntries);

    private static void AssertAbout(string told, string measured)
    {
        if (!double.TryParse(told, CultureInfo.InvariantCulture, out double expected))
            Assert.Equal(told, measured);
        else
            Assert.InRange(double.Parse(measured, CultureInfo.InvariantCulture), 0.95 * expected, 1.05 * expected);
    }

    /// <summary>Runs after everything that may run at once.</summary>
    [CollectionDefinition(nameof(QualityTests), DisableParallelization = true)]
    public sealed class Alone;
}

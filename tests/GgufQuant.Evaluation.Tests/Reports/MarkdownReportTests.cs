using GgufQuant.Evaluation.Reports;

namespace GgufQuant.Evaluation.Tests.Reports;

public sealed class MarkdownReportTests
{
    [Fact]
    public void The_report_is_a_table()
    {
        string[] lines = MarkdownReport.Write(ExampleReport.Create()).Split('\n');

        Assert.Equal("# novels: what quantizing costs", lines[0]);
        int header = Array.FindIndex(lines, line => line.StartsWith("| Type |", StringComparison.Ordinal));
        Assert.StartsWith("| F16 | 10.5 MiB | 100% | 16.00 | – | 20.000 ± 0.500 | 100% |", lines[header + 2], StringComparison.Ordinal);
        Assert.StartsWith("| Q8_0 | 5.91 MiB | 56% |", lines[header + 3], StringComparison.Ordinal);
        Assert.StartsWith("| Q4_K_M | 3.34 MiB | 32% |", lines[header + 4], StringComparison.Ordinal);
        Assert.Single(lines[header..(header + 5)].Select(line => line.Count(character => character == '|')).Distinct());
    }

    [Fact]
    public void Markup_is_escaped()
    {
        string text = MarkdownReport.Write(ExampleReport.Create("a|b<i>"));

        Assert.Contains("| a\\|b\\<i> |", text, StringComparison.Ordinal);
        Assert.Contains("> It was \\<b>", text, StringComparison.Ordinal);
    }
}

using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Reports;

namespace GgufQuant.Evaluation.Tests.Reports;

public sealed class MarkdownReportTests
{
    [Fact]
    public void The_report_is_a_table()
    {
        string[] lines = MarkdownReport.Write(ExampleReport.Create()).Split('\n');

        Assert.Equal("# novels: what quantizing costs", lines[0]);
        Assert.StartsWith("**Recommended: Q4_K_M.** Q4_K_M is the smallest with at least 99%", lines[2], StringComparison.Ordinal);
        int header = Array.FindIndex(lines, line => line.StartsWith("| Type |", StringComparison.Ordinal));
        Assert.StartsWith("| F16 | 10.5 MiB | 100% | 11.4 MiB | 16.00 | – | 20.000 ± 0.500 | – | 100% |", lines[header + 2], StringComparison.Ordinal);
        Assert.StartsWith("| Q8_0 | 5.91 MiB | 56% |", lines[header + 3], StringComparison.Ordinal);
        Assert.Contains("| 45.0% | 13 | 11 |", lines[header + 3], StringComparison.Ordinal);
        Assert.Contains("| +0.00200 ± 0.00010 |", lines[header + 3], StringComparison.Ordinal);
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

    [Fact]
    public void A_continuation_cannot_end_its_cell_or_its_row()
    {
        QuantReport report = ExampleReport.Create();
        GenerationComparison odd = report.Rows[0].Generations[0];
        odd = odd with { Candidate = odd.Candidate with { Text = " a | b\r\n| c" }, Reference = odd.Reference with { Text = "x|y\nz" } };
        string text = MarkdownReport.Write(report with { Rows = [report.Rows[0] with { Generations = [odd] }] });

        Assert.Contains("| Q4_K_M | 2 |  a \\| b \\| c |\n", text, StringComparison.Ordinal);
        Assert.Contains("| F16 | | x\\|y z |\n", text, StringComparison.Ordinal);
    }
}

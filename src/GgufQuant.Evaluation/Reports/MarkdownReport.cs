using System.Globalization;
using System.Text;
using GgufQuant.Evaluation.Generation;

namespace GgufQuant.Evaluation.Reports;

/// <summary>Writes a report as Markdown, for a model card or an issue.</summary>
public static class MarkdownReport
{
    /// <summary>The text.</summary>
    public static string Write(QuantReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"# {Escape(report.Title)}: what quantizing costs\n\n");
        ReportRecommendation? recommendation = ReportRecommendation.Of(report);
        if (recommendation is not null)
            text.Append(recommendation.Row is { } row ? $"**Recommended: {Escape(row.Name)}.** " : "").Append(Escape(recommendation.Reason)).Append("\n\n");
        foreach (string sentence in ReportSummary.Of(report, recommendation))
            text.Append("- ").Append(Escape(sentence)).Append('\n');
        if (text[^2] != '\n')
            text.Append('\n');
        WriteTable(text, report);
        WriteGenerations(text, report);
        foreach ((string term, string definition) in ReportSummary.Definitions(report))
            text.Append(CultureInfo.InvariantCulture, $"- **{term}**: {definition}\n");
        return text.ToString().TrimEnd() + "\n";
    }

    private static void WriteTable(StringBuilder text, QuantReport report)
    {
        IReadOnlyList<ReportColumn> columns = ReportColumn.Of(report);
        text.Append("| ").AppendJoin(" | ", columns.Select(column => column.Title)).Append(" |\n");
        text.Append('|').AppendJoin('|', columns.Select((_, index) => index == 0 ? "---" : "--:")).Append("|\n");
        foreach (QuantReportRow row in report.BySize.Prepend(report.Reference))
            text.Append("| ").AppendJoin(" | ", columns.Select(column => Escape(column.Value(row) ?? "–"))).Append(" |\n");
        text.Append('\n');
    }

    private static void WriteGenerations(StringBuilder text, QuantReport report)
    {
        QuantReportRow[] rows = [.. report.BySize.Where(row => row.Generations.Count > 0)];
        for (int i = 0; i < (rows.Length > 0 ? rows[0].Generations.Count : 0); i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"> {Escape(OneLine(rows[0].Generations[i].Prompt))}\n\n| Type | Agreeing tokens | Continuation |\n|---|--:|---|\n");
            text.Append(CultureInfo.InvariantCulture, $"| {Escape(report.Reference.Name)} | | {Escape(OneLine(rows[0].Generations[i].Reference.Text))} |\n");
            foreach (QuantReportRow row in rows.Where(row => row.Generations.Count > i))
            {
                GenerationComparison comparison = row.Generations[i];
                text.Append(CultureInfo.InvariantCulture, $"| {Escape(row.Name)} | {comparison.AgreeingTokens} | {Escape(OneLine(comparison.Candidate.Text))} |\n");
            }
            text.Append('\n');
        }
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    /// <summary>Text in which nothing is markup.</summary>
    internal static string Escape(string text)
    {
        StringBuilder escaped = new(text.Length + 8);
        foreach (char character in text)
        {
            if (character is '\\' or '|' or '*' or '`' or '<' or '[' or ']' or '#')
                escaped.Append('\\');
            escaped.Append(character);
        }
        return escaped.ToString();
    }
}

using System.Globalization;
using System.Text;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Formats;
using static GgufQuant.Evaluation.Reports.ReportText;

namespace GgufQuant.Evaluation.Reports;

/// <summary>Writes a report as one self-contained HTML page: no scripts, fonts or images from elsewhere.</summary>
public static class HtmlReport
{
    private const string Style =
        """
        :root { color-scheme: light dark; --surface: #fcfcfb; --ink: #1c1d20; --muted: #5f6269; --line: #dfe0e3; --accent: #2563c9; --mark: #ffe6a8; }
        @media (prefers-color-scheme: dark) { :root { --surface: #17181b; --ink: #ececee; --muted: #a2a5ad; --line: #34363c; --accent: #78aefc; --mark: #5a4310; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--surface); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
        main { max-width: 72rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
        h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; text-wrap: balance; }
        h2 { font-size: 1.2rem; margin: 2.75rem 0 .5rem; }
        h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
        p, ul, dl { max-width: 46rem; }
        .meta, .note, dd { color: var(--muted); }
        .meta { margin-top: 0; }
        .note { font-size: .9rem; }
        figure { margin: .75rem 0 0; }
        svg { display: block; width: 100%; max-width: 47.5rem; height: auto; font: 13px system-ui, sans-serif; }
        svg text { fill: var(--ink); }
        svg .tick, svg .label { fill: var(--muted); font-size: 12px; }
        svg .name { font-weight: 600; }
        svg .grid { stroke: var(--line); }
        svg .axis { stroke: var(--muted); }
        svg .front { fill: none; stroke: var(--accent); stroke-opacity: .35; stroke-width: 1.5; }
        svg .point { fill: var(--accent); stroke: var(--surface); stroke-width: 1.5; }
        svg .hollow { fill: var(--surface); stroke: var(--accent); stroke-width: 1.5; }
        svg .range { stroke: var(--accent); stroke-opacity: .45; stroke-width: 2; }
        svg .inner { stroke: var(--accent); stroke-opacity: .6; stroke-width: 7; }
        svg .mean { stroke: var(--ink); stroke-width: 2; }
        svg .cell { fill: var(--accent); }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
        caption { text-align: left; color: var(--muted); padding-bottom: .4rem; }
        th, td { padding: .4rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
        thead th { vertical-align: bottom; white-space: normal; color: var(--muted); font-weight: 600; border-bottom-color: var(--muted); }
        th:first-child { text-align: left; padding-left: 0; }
        tr.reference { color: var(--muted); }
        details { margin: .5rem 0; }
        summary { cursor: pointer; font-weight: 600; }
        blockquote { margin: .75rem 0; padding-left: 1rem; border-left: 3px solid var(--line); max-width: 46rem; }
        .sample { margin: 0 0 1rem; max-width: 46rem; overflow-wrap: anywhere; white-space: pre-wrap; }
        .sample b { display: block; }
        .sample small { color: var(--muted); font-size: .85rem; font-weight: 400; }
        mark { background: var(--mark); color: inherit; border-radius: 2px; }
        dt { font-weight: 600; margin-top: .6rem; }
        dd { margin: 0; }
        """;

    /// <summary>The page.</summary>
    public static string Write(QuantReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        StringBuilder page = new();
        page.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{Html(report.Title)}: what quantizing costs</title>
            <style>
            {Style}
            </style>
            </head>
            <body>
            <main>
            <h1>{Html(report.Title)}: what quantizing costs</h1>
            <p class="meta">{Html(Describe(report))}</p>

            """);
        WriteSummary(page, report);
        WriteFigure(page, "Size against quality", SizeQualityChart.Draw(report),
            "Further down and further left is better. The line connects the types that no other beats in both.");
        WriteTable(page, report);
        WriteFigure(page, "How often it is off, and how far", PercentileChart.Draw(report),
            "A low mean can hide a few tokens that are far off: at those on the right, a quantization writes something else.");
        WriteHeatMaps(page, report);
        WriteGenerations(page, report);
        WriteDefinitions(page, report);
        page.Append("</main>\n</body>\n</html>\n");
        return page.ToString();
    }

    private static string Describe(QuantReport report)
    {
        List<string> parts = [$"Compared with {report.Reference.Name} ({Size(report.Reference.Size)})"];
        if (report.Corpus is { } corpus)
            parts.Add($"on {corpus}");
        if (report.Engine is { } engine)
            parts.Add($"with {engine}");
        return $"{string.Join(' ', parts)}, {report.Date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}.";
    }

    private static void WriteSummary(StringBuilder page, QuantReport report)
    {
        IReadOnlyList<string> sentences = ReportSummary.Of(report);
        if (sentences.Count == 0)
            return;
        page.Append("<ul>\n");
        foreach (string sentence in sentences)
            page.Append("<li>").Append(Html(sentence)).Append("</li>\n");
        page.Append("</ul>\n");
    }

    private static void WriteFigure(StringBuilder page, string title, string picture, string note)
    {
        if (picture.Length == 0)
            return;
        page.Append(CultureInfo.InvariantCulture, $"<h2>{title}</h2>\n<figure>\n{picture}<figcaption class=\"note\">{note}</figcaption>\n</figure>\n");
    }

    private static void WriteTable(StringBuilder page, QuantReport report)
    {
        IReadOnlyList<ReportColumn> columns = ReportColumn.Of(report);
        page.Append("<h2>In numbers</h2>\n<div class=\"scroll\" role=\"region\" aria-label=\"Measurements\" tabindex=\"0\">\n<table>\n<thead><tr>");
        foreach (ReportColumn column in columns)
            page.Append("<th scope=\"col\">").Append(Html(column.Title)).Append("</th>");
        page.Append("</tr></thead>\n<tbody>\n");
        foreach (QuantReportRow row in report.BySize.Prepend(report.Reference))
        {
            page.Append(row == report.Reference ? "<tr class=\"reference\">" : "<tr>");
            for (int i = 0; i < columns.Count; i++)
            {
                string value = Html(columns[i].Value(row) ?? "–");
                page.Append(i == 0 ? $"<th scope=\"row\">{value}</th>" : $"<td>{value}</td>");
            }
            page.Append("</tr>\n");
        }
        page.Append("</tbody>\n</table>\n</div>\n");
    }

    private static void WriteHeatMaps(StringBuilder page, QuantReport report)
    {
        QuantReportRow[] rows = [.. report.BySize.Where(row => row.Weights is not null).Reverse()];
        if (rows.Length == 0)
            return;
        double largest = rows.SelectMany(row => row.Weights!.Tensors).Select(tensor => tensor.RelativeRmsError).Where(double.IsFinite).DefaultIfEmpty().Max();
        page.Append("<h2>Where the error is</h2>\n");
        page.Append(CultureInfo.InvariantCulture, $"<p class=\"note\">The relative error of each tensor's weights, layers across, on one scale for all types: the strongest colour is {Significant(largest)}.</p>\n");
        for (int i = 0; i < rows.Length; i++)
        {
            page.Append(CultureInfo.InvariantCulture, $"<details{(i == 0 ? " open" : "")}><summary>{Html(rows[i].Name)}</summary>\n<figure>\n{ErrorHeatMap.Draw(rows[i], i, largest)}");
            string others = string.Join(", ", ErrorHeatMap.Others(rows[i]).Select(tensor => $"{tensor.Name} in {BlockFormat.Of(tensor.Type)} {Significant(tensor.RelativeRmsError)}"));
            if (others.Length > 0)
                page.Append("<figcaption class=\"note\">Outside the layers: ").Append(Html(others)).Append(".</figcaption>\n");
            page.Append("</figure>\n</details>\n");
        }
    }

    private static void WriteGenerations(StringBuilder page, QuantReport report)
    {
        QuantReportRow[] rows = [.. report.BySize.Where(row => row.Generations.Count > 0)];
        if (rows.Length == 0)
            return;
        page.Append("<h2>What it writes</h2>\n<p class=\"note\">Each prompt is continued with the most probable token each time. The part after the first token that differs from the reference is marked.</p>\n");
        for (int i = 0; i < rows[0].Generations.Count; i++)
        {
            GenerationComparison first = rows[0].Generations[i];
            page.Append("<blockquote>").Append(Html(first.Prompt)).Append("</blockquote>\n");
            page.Append("<p class=\"sample\"><b>").Append(Html(report.Reference.Name)).Append("</b>").Append(Html(first.Reference.Text)).Append("</p>\n");
            foreach (QuantReportRow row in rows.Where(row => row.Generations.Count > i))
                WriteSample(page, row.Name, row.Generations[i]);
        }
    }

    private static void WriteSample(StringBuilder page, string name, GenerationComparison comparison)
    {
        GeneratedText text = comparison.Candidate;
        List<string> notes = [comparison.IsIdentical ? "identical" : $"{comparison.AgreeingTokens} of {comparison.Reference.Tokens.Count} tokens agree"];
        if (text.Repetition.IsLooping)
            notes.Add($"ends in a loop of {text.Repetition.LoopLength} tokens");
        notes.Add($"{Significant(text.TokensPerSecond)} tokens per second");
        // The agreeing tokens may end within a character, which their text alone cannot show.
        int agreeing = text.Text.AsSpan().CommonPrefixLength(comparison.AgreeingText);
        page.Append(CultureInfo.InvariantCulture, $"<p class=\"sample\"><b>{Html(name)} <small>{Html(string.Join(", ", notes))}</small></b>");
        page.Append(Html(text.Text[..agreeing]));
        if (agreeing < text.Text.Length)
            page.Append("<mark>").Append(Html(text.Text[agreeing..])).Append("</mark>");
        page.Append("</p>\n");
    }

    private static void WriteDefinitions(StringBuilder page, QuantReport report)
    {
        (string Term, string Definition)[] definitions = [.. ReportSummary.Definitions(report)];
        if (definitions.Length == 0)
            return;
        page.Append("<h2>What the numbers mean</h2>\n<dl>\n");
        foreach ((string term, string definition) in definitions)
            page.Append("<dt>").Append(Html(term)).Append("</dt><dd>").Append(Html(definition)).Append("</dd>\n");
        page.Append("</dl>\n");
    }
}

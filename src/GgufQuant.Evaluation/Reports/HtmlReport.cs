using System.Globalization;
using System.Text;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Formats;
using static GgufQuant.Evaluation.Reports.ReportText;

namespace GgufQuant.Evaluation.Reports;

/// <summary>Writes a report as one self-contained HTML page: no scripts, fonts or images from elsewhere.</summary>
public static class HtmlReport
{
    // More rows are shown in a window of the page, with the heading in sight.
    private const int FewRows = 16;

    // Texts of more rows are folded.
    private const int FewTexts = 8;

    private const string Style =
        """
        :root { color-scheme: light dark; --surface: #fcfcfb; --raised: #f3f4f6; --ink: #1c1d20; --muted: #5f6269; --line: #dfe0e3; --accent: #2563c9; --pick: #b4540a; --tint: #fdf1e3; --mark: #ffe6a8; }
        @media screen and (prefers-color-scheme: dark) { :root { --surface: #17181b; --raised: #202226; --ink: #ececee; --muted: #a2a5ad; --line: #34363c; --accent: #78aefc; --pick: #f5a154; --tint: #33261a; --mark: #5a4310; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--surface); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
        main { max-width: 72rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
        h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; text-wrap: balance; overflow-wrap: anywhere; }
        h2 { font-size: 1.2rem; margin: 2.75rem 0 .5rem; }
        p, ul, dl { max-width: 46rem; overflow-wrap: anywhere; }
        ul { padding-left: 1.25rem; }
        .meta, .note, dd { color: var(--muted); }
        .meta { margin-top: 0; }
        .note { font-size: .9rem; }
        .answer { margin: 1.5rem 0; padding: .8rem 1rem; border-left: 4px solid var(--pick); background: var(--tint); border-radius: 0 6px 6px 0; }
        .answer b { color: var(--pick); }
        figure { margin: .75rem 0 0; }
        svg { display: block; max-width: 100%; height: auto; font: 13px system-ui, sans-serif; }
        svg text { fill: var(--ink); }
        svg .tick, svg .label { fill: var(--muted); font-size: 12px; }
        svg .name { font-weight: 600; }
        svg .pick { fill: var(--pick); }
        svg .grid { stroke: var(--line); }
        svg .axis, svg .leader { stroke: var(--muted); }
        svg .leader { stroke-opacity: .5; }
        svg .front { fill: none; stroke: var(--accent); stroke-opacity: .4; stroke-width: 2; }
        svg .point { fill: var(--accent); stroke: var(--surface); stroke-width: 1.5; }
        svg .beaten, svg .hollow { fill: var(--surface); stroke: var(--accent); stroke-width: 1.5; }
        svg .beaten { stroke: var(--muted); }
        svg .ring { fill: none; stroke: var(--pick); stroke-width: 2.5; }
        svg .range { stroke: var(--accent); stroke-opacity: .45; stroke-width: 2; }
        svg .inner { stroke: var(--accent); stroke-opacity: .6; stroke-width: 7; }
        svg .mean { stroke: var(--ink); stroke-width: 2; }
        svg .cell { fill: var(--accent); }
        .scroll { overflow-x: auto; }
        .table { width: max-content; max-width: max(100%, min(100vw - 4rem, 50vw + 33rem)); }
        .window { max-height: 85vh; overflow-y: auto; border-bottom: 1px solid var(--line); }
        table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums; font-size: .85rem; }
        th, td { padding: .4rem .45rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); background: var(--surface); }
        thead th { position: sticky; top: 0; z-index: 1; vertical-align: bottom; white-space: normal; color: var(--muted); font-weight: 600; border-bottom-color: var(--muted); }
        th:first-child { position: sticky; left: 0; text-align: left; }
        tbody th span { display: block; width: max-content; max-width: 17rem; white-space: normal; overflow-wrap: anywhere; }
        thead th:first-child { z-index: 2; }
        tbody tr:hover > * { background: var(--raised); }
        tr.reference { color: var(--muted); }
        tr.pick > * { background: var(--tint); }
        tr.pick th { color: var(--pick); }
        details { margin: .5rem 0; }
        summary { cursor: pointer; font-weight: 600; overflow-wrap: anywhere; }
        blockquote { margin: 1.25rem 0 .75rem; padding-left: 1rem; border-left: 3px solid var(--line); max-width: 46rem; overflow-wrap: anywhere; white-space: pre-wrap; }
        .sample { margin: 0 0 1rem; max-width: 46rem; overflow-wrap: anywhere; white-space: pre-wrap; }
        .sample b { display: block; }
        .sample small { color: var(--muted); font-size: .85rem; font-weight: 400; }
        mark { background: var(--mark); color: inherit; border-radius: 2px; }
        dt { font-weight: 600; margin-top: .6rem; }
        dd { margin: 0; }
        @media screen and (max-width: 44rem) {
          main { padding: 1.5rem 1rem 3rem; }
          .scroll svg { max-width: none; width: 40rem; }
          .scroll svg.large { width: 56rem; }
          tbody th span { max-width: 8rem; }
        }
        @media print {
          @page { size: landscape; margin: 12mm; }
          :root { color-scheme: light; --surface: #fff; }
          body { font-size: 10pt; print-color-adjust: exact; }
          main { max-width: none; padding: 0; }
          h2 { break-after: avoid; margin-top: 1.5rem; }
          .scroll, .window { overflow: visible; width: auto; max-width: none; max-height: none; }
          figure, tr, .sample, dd { break-inside: avoid; }
          dt { break-after: avoid; }
          svg { max-height: 170mm; }
          svg.large { max-height: 115mm; }
          summary { break-after: avoid; }
          table { font-size: 7.5pt; }
          th, td { padding: .25rem .35rem; }
          th:first-child { position: static; }
          tbody th span { max-width: 12rem; }
          thead th { position: static; }
          details:not([open]) { display: none; }
        }
        """;

    /// <summary>The page.</summary>
    public static string Write(QuantReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        ReportRecommendation? recommendation = ReportRecommendation.Of(report);
        StringBuilder page = new();
        page.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
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
        WriteSummary(page, report, recommendation);
        WriteFigure(page, "Size against quality", SizeQualityChart.Draw(report, recommendation?.Row, out bool areAllNamed),
            "Further down and further left is better. The line connects the Pareto front: those that no other beats in both."
            + (areAllNamed ? "" : " Some points have no room for their names: point at them, or see the table."));
        WriteTable(page, report, recommendation?.Row);
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

    private static void WriteSummary(StringBuilder page, QuantReport report, ReportRecommendation? recommendation)
    {
        if (recommendation is { Row: { } row })
            page.Append(CultureInfo.InvariantCulture, $"<p class=\"answer\"><b>Recommended: {Html(row.Name)}.</b> {Html(recommendation.Reason)}</p>\n");
        else if (recommendation is not null)
            page.Append(CultureInfo.InvariantCulture, $"<p class=\"answer\">{Html(recommendation.Reason)}</p>\n");
        IReadOnlyList<string> sentences = ReportSummary.Of(report, recommendation);
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
        page.Append(CultureInfo.InvariantCulture, $"<h2>{title}</h2>\n<figure>\n<div class=\"scroll\" role=\"region\" aria-label=\"{title}\" tabindex=\"0\">\n{picture}</div>\n<figcaption class=\"note\">{note}</figcaption>\n</figure>\n");
    }

    private static void WriteTable(StringBuilder page, QuantReport report, QuantReportRow? recommended)
    {
        IReadOnlyList<ReportColumn> columns = ReportColumn.Of(report);
        page.Append("<h2>In numbers</h2>\n<div class=\"").Append(report.Rows.Count > FewRows ? "scroll table window" : "scroll table").Append("\" role=\"region\" aria-label=\"Measurements\" tabindex=\"0\">\n<table>\n<thead><tr>");
        foreach (ReportColumn column in columns)
            page.Append("<th scope=\"col\">").Append(Html(column.Title)).Append("</th>");
        page.Append("</tr></thead>\n<tbody>\n");
        foreach (QuantReportRow row in report.BySize.Prepend(report.Reference))
        {
            page.Append(row == recommended ? "<tr class=\"pick\">" : row == report.Reference ? "<tr class=\"reference\">" : "<tr>");
            for (int i = 0; i < columns.Count; i++)
            {
                string value = Html(columns[i].Value(row) ?? "–");
                page.Append(i == 0 ? $"<th scope=\"row\"><span>{value}</span></th>" : $"<td>{value}</td>");
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
            page.Append(CultureInfo.InvariantCulture, $"<details{(i == 0 ? " open" : "")}><summary>{Html(rows[i].Name)}</summary>\n<figure>\n<div class=\"scroll\">\n{ErrorHeatMap.Draw(rows[i], i, largest)}</div>\n");
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
            QuantReportRow[] written = [.. rows.Where(row => row.Generations.Count > i)];
            if (written.Length > FewTexts)
                page.Append(CultureInfo.InvariantCulture, $"<details><summary>{written.Length} quantizations</summary>\n");
            foreach (QuantReportRow row in written)
                WriteSample(page, row.Name, row.Generations[i]);
            if (written.Length > FewTexts)
                page.Append("</details>\n");
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

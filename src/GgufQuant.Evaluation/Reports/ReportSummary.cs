using static GgufQuant.Evaluation.Reports.ReportText;

namespace GgufQuant.Evaluation.Reports;

/// <summary>A report's conclusions, in sentences.</summary>
internal static class ReportSummary
{
    private static readonly double[] s_thresholds = [0.99, 0.97, 0.9];

    /// <summary>The smallest quantization for each share of the reference's quality, except what the recommendation says already; and those that loop.</summary>
    public static IReadOnlyList<string> Of(QuantReport report, ReportRecommendation? recommendation)
    {
        List<string> sentences = [];
        QuantReportRow? previous = null;
        foreach (double threshold in s_thresholds)
        {
            QuantReportRow? smallest = SmallestWith(report, threshold);
            if (smallest is null || smallest == previous)
                continue;
            previous = smallest;
            sentences.Add(Describe(smallest, report, threshold));
        }
        if (recommendation is not null)
            sentences.Remove(recommendation.Reason);
        foreach (QuantReportRow row in report.Rows.Where(row => row.Generations.Any(comparison => comparison.IsDegenerate)))
            sentences.Add($"{row.Name} falls into a loop, but the reference does not.");
        return sentences;
    }

    /// <summary>The smallest quantization that keeps this share of the reference's quality, by more than a standard error; null if there is none.</summary>
    public static QuantReportRow? SmallestWith(QuantReport report, double quality) =>
        report.Rows.Where(row => row.Predictions is { } result && Math.Exp(-(result.LogPerplexityRatio.Value + result.LogPerplexityRatio.Error)) >= quality).MinBy(row => row.Size);

    /// <summary>What that quantization saves and keeps, in a sentence.</summary>
    public static string Describe(QuantReportRow smallest, QuantReport report, double quality) =>
        $"{smallest.Name} is the smallest with at least {Percent(quality, 0)} of the reference's quality: {Size(smallest.Size)}, {Percent((double)smallest.Size / report.Reference.Size, 0)} of its size, quality {Percent(smallest.Predictions!.RelativeQuality)}.";

    /// <summary>The meaning of the columns: pairs of term and definition.</summary>
    public static IEnumerable<(string Term, string Definition)> Definitions(QuantReport report)
    {
        if (report.Rows.Any(row => row.Weights is not null))
            yield return ("Weight error", "root of the squared differences of all weights over the reference's squared weights: √(Σ(a−b)²/Σa²).");
        if (report.Rows.Any(row => row.Accuracy is not null))
            yield return ("Accuracy", "share of a known task's questions answered correctly. Lost are those that only the reference answers correctly, gained those that only the quantization does.");
        if (report.Rows.Any(row => row.Memory is not null))
            yield return ("Memory", "estimated, to run the model: weights, context and buffers.");
        if (report.Rows.Any(row => row.PromptSpeed is not null || row.GenerationSpeed is not null))
            yield return ("Tokens/s", "prompt tokens evaluated and tokens generated per second on the machine that made this report, as llama-bench measures them.");
        if (report.Rows.FirstOrDefault(row => row.Predictions is not null)?.Predictions is not { } result)
            yield break;
        yield return ("Perplexity", $"exp of the mean negative log-probability of the text's next tokens, by llama-perplexity's method: {result.Chunks} chunks of {result.ContextLength} tokens, the predictions of each second half scored, {result.ScoredTokens} in all. ± is one standard error. That of a change is smaller, because both models were measured on the same text.");
        yield return ("Relative quality", "the reference's perplexity over the quantization's, in per cent: 100% predicts as well as the reference.");
        yield return ("KL divergence", "how far the quantization's probabilities of the next token are from the reference's, in nats; 0 is identical. The mean over all scored tokens, and the value that 99% of them stay below.");
        yield return ("Same top token", "share of tokens for which both models have the same most probable next token.");
        yield return ("RMS Δp", "root mean square of the change in the right next token's probability.");
    }
}

using GgufQuant.Comparison;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Evaluation.Reports;
using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Evaluation.Tests.Reports;

/// <summary>A report with everything in it, made up.</summary>
internal static class ExampleReport
{
    public static QuantReport Create(string name = "Q4_K_M", params IEnumerable<QuantReportRow> further) => new("novels", new("F16", 11_000_000) { Type = FileType.F16, Memory = Memory(11_000_000), Perplexity = new(20, 0.5), BitsPerWeight = 16 }, [Row(name, 3_500_000, 0.005), Row("Q8_0", 6_200_000, 0.0001), .. further])
    {
        Corpus = "heldout.txt",
        Engine = "llama.cpp",
        Date = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero),
    };

    public static QuantReportRow Row(string name, long size, double divergence) => new(name, size)
    {
        Type = Enum.TryParse(name, out FileType type) ? type : FileType.Q4_K_M,
        Memory = Memory(size),
        BitsPerWeight = 8.0 * size / 5_800_000,
        Predictions = Predictions(divergence),
        Weights = Weights(divergence),
        Accuracy = 0.45,
        Lost = 13,
        Gained = 11,
        Generations = [Comparison()],
    };

    /// <summary>Forty files between 1 and 11 MB, some of which another one beats, with names as long as those of files.</summary>
    public static QuantReport CreateLarge()
    {
        QuantReport report = Create();
        return report with { Rows = [.. Enumerable.Range(0, 40).Select(i => Row($"Novels-of-the-19th-century-6M-Instruct-{i}", 1_000_000 + (i * i * 6_000), Math.Exp(-i / 6.0) * (i % 3 == 0 ? 2 : 1)))] };
    }

    // The context and the buffers take a megabyte.
    private static MemoryEstimate Memory(long size) => new()
    {
        Weights = size,
        Cache = 500_000,
        State = 0,
        Compute = 500_000,
        ContextLength = 4096,
        CacheType = CacheType.F16,
        ValueCacheType = CacheType.F16,
        BatchSize = 512,
        Parallel = 1,
        FlashAttention = true,
        Assumptions = [],
    };

    private static ModelError Weights(double error)
    {
        TensorError[] tensors =
        [
            Tensor("token_embd.weight", error), Tensor("blk.0.attn_norm.weight", 0), Tensor("blk.0.attn_q.weight", error),
            Tensor("blk.1.attn_q.weight", 2 * error), Tensor("blk.1.ffn_down.weight", 3 * error),
        ];
        return new(1000, error, 1 - error, 40, 0.1, tensors[^1], tensors);
    }

    private static TensorError Tensor(string name, double error) => new(name, GgmlType.F16, GgmlType.Q4_K, 200, error, 1 - error, 40, 0.1);

    private static KlDivergenceResult Predictions(double divergence) => new()
    {
        Perplexity = new(20 * Math.Exp(divergence), 0.5),
        ReferencePerplexity = new(20, 0.5),
        LogPerplexityRatio = new(divergence, divergence / 10),
        PerplexityDifference = new(20 * divergence, divergence),
        Correlation = 0.999,
        KlDivergence = new(divergence, divergence / 50),
        KlPercentiles = Spread(divergence),
        ProbabilityChange = new(-divergence, divergence / 10),
        ProbabilityChangePercentiles = Spread(divergence),
        RmsProbabilityChange = new(divergence * 3, divergence / 10),
        TopTokenMatch = new(0.95, 0.004),
        ContextLength = 256,
        Range = new(0, 20, 20),
        ScoredTokens = 2540,
        Duration = TimeSpan.FromSeconds(8),
    };

    private static Percentiles Spread(double median) => new(
        0, median / 8, median / 7, median / 6, median / 5, median / 2, median, 2 * median, 4 * median, 5 * median, 8 * median, 12 * median, 20 * median);

    private static GenerationComparison Comparison() => new()
    {
        Prompt = "It was <b>",
        Reference = Text(" a fine day & night.", [1, 2, 3, 4]),
        Candidate = Text(" a fine evening.", [1, 2, 9]),
        AgreeingTokens = 2,
        AgreeingText = " a fine",
    };

    private static GeneratedText Text(string text, int[] tokens) => new()
    {
        Text = text,
        Tokens = tokens,
        Ended = false,
        Repetition = Repetition.Of(tokens),
        PromptTokens = 3,
        PromptTokensPerSecond = 100,
        TokensPerSecond = 50,
    };
}

using static GgufQuant.Formats.FileType;
using FileType = GgufQuant.Formats.FileType;

namespace GgufQuant.Catalog;

/// <summary>The commonly cited quality tables, as their authors published them.</summary>
internal static class PublishedMeasurements
{
    private const double GiB = 1L << 30;

    /// <summary>The scoreboard's own baseline, before conversion to 16 bits.</summary>
    private const double Llama3Perplexity = 6.231636;

    private const double Llama2LargePerplexity = 3.4313;

    private const string Scoreboard = "llama.cpp tools/perplexity/README.md, LLaMA 3 8B scoreboard, wikitext-2";
    private const string Llama2Small = "llama.cpp tools/perplexity/README.md, LLaMA 2 7B, wikitext-2";
    private const string Llama2Large = "llama.cpp tools/perplexity/README.md, LLaMA 2 70B, wikitext-2";
    private const string Course = "course chapter \"Q4_K_M vs Q8_0 vs Q2_K\", a 7B model, approximate";

    /// <summary>Every measurement; for each type the most informative first.</summary>
    public static IReadOnlyList<PublishedQuality> All { get; } =
    [
        Llama3(F16, false, 14.97, 6.233160, 0.001524, 0.000551, 0.787),
        Llama3(Q8_0, false, 7.96, 6.234284, 0.002650, 0.001355, 1.198),
        Llama3(Q6_K, false, 6.14, 6.253382, 0.021748, 0.005452, 2.295),
        Llama3(Q5_K_M, false, 5.33, 6.288607, 0.056974, 0.010762, 3.160),
        Llama3(Q5_K_S, false, 5.21, 6.336598, 0.104964, 0.016595, 3.918),
        Llama3(Q5_1, false, 5.65, 6.337857, 0.106223, 0.018045, 4.123),
        Llama3(Q5_0, false, 5.21, 6.363224, 0.131591, 0.022239, 4.634),
        Llama3(Q4_K_M, false, 4.58, 6.407115, 0.175482, 0.031273, 5.519),
        Llama3(Q4_K_M, true, 4.58, 6.382937, 0.151303, 0.028152, 5.251),
        Llama3(Q4_K_S, false, 4.37, 6.500529, 0.268895, 0.043136, 6.562),
        Llama3(Q4_K_S, true, 4.37, 6.409697, 0.178064, 0.031951, 5.645),
        Llama3(IQ4_NL, true, 4.35, 6.455593, 0.223959, 0.035742, 5.998),
        Llama3(IQ4_XS, true, 4.14, 6.459705, 0.228071, 0.036334, 6.044),
        Llama3(Q4_1, false, 4.78, 6.682737, 0.451103, 0.071683, 8.512),
        Llama3(Q4_0, false, 4.34, 6.700147, 0.468514, 0.071940, 8.434),
        Llama3(Q3_K_L, false, 4.03, 6.787876, 0.556242, 0.087176, 9.432),
        Llama3(Q3_K_L, true, 4.03, 6.671223, 0.439590, 0.073077, 8.662),
        Llama3(Q3_K_M, false, 3.74, 6.888498, 0.656864, 0.101913, 10.203),
        Llama3(Q3_K_M, true, 3.74, 6.734255, 0.502622, 0.084358, 9.292),
        Llama3(IQ3_M, true, 3.53, 6.898327, 0.666694, 0.102534, 10.513),
        Llama3(IQ3_S, true, 3.42, 6.965501, 0.733867, 0.111278, 10.845),
        Llama3(IQ3_XS, true, 3.28, 7.163043, 0.931409, 0.138693, 12.148),
        Llama3(IQ3_XXS, true, 3.05, 7.458436, 1.226803, 0.183625, 13.836),
        Llama3(Q3_K_S, false, 3.41, 7.863786, 1.632152, 0.228217, 15.541),
        Llama3(Q3_K_S, true, 3.41, 7.602878, 1.371244, 0.199821, 14.980),
        Llama3(IQ2_M, true, 2.74, 8.600799, 2.369166, 0.325989, 18.519),
        Llama3(Q2_K, false, 2.96, 9.751568, 3.519934, 0.445132, 21.421),
        Llama3(Q2_K, true, 2.96, 8.647825, 2.416191, 0.332223, 18.881),
        Llama3(Q2_K_S, true, 2.96, 9.323778, 3.092145, 0.403360, 20.050),
        Llama3(IQ2_S, true, 2.56, 9.650781, 3.419148, 0.439197, 21.491),
        Llama3(IQ2_XS, true, 2.43, 10.761424, 4.529791, 0.546290, 23.872),
        Llama3(IQ2_XXS, true, 2.24, 14.091782, 7.860148, 0.812022, 28.576),
        Llama3(IQ1_M, true, 2.01, 25.493722, 19.262089, 1.393084, 38.287),
        Llama3(IQ1_S, true, 1.88, 58.097760, 51.866126, 2.211278, 46.418),

        SmallLlama2(Q8_0, 5.798542, 0.003990, 0.000369, 0.618, 98.846),
        SmallLlama2(Q6_K, 5.808494, 0.013941, 0.002098, 1.339, 97.520),
        SmallLlama2(Q4_K_M, 5.877078, 0.082526, 0.012686, 3.252, 94.665),
        // The perplexity printed for this row contradicts its own increase, so only the increase is kept.
        SmallLlama2(Q2_K, null, 0.625552, 0.108903, 9.762, 85.584),

        LargeLlama2(F16, 128.5, 3.4313),
        LargeLlama2(Q6_K, 52.70, 3.4367),
        LargeLlama2(Q5_K_M, 45.41, 3.4451),
        LargeLlama2(Q5_K_S, 44.20, 3.4483),
        LargeLlama2(Q5_0, 44.20, 3.4744),
        LargeLlama2(Q4_K_M, 38.54, 3.4725),
        LargeLlama2(Q4_K_S, 36.39, 3.4852),
        LargeLlama2(Q4_1, 40.20, 3.5125),
        LargeLlama2(Q4_0, 36.20, 3.5550),
        LargeLlama2(Q3_K_L, 33.67, 3.5617),
        LargeLlama2(Q3_K_M, 30.83, 3.5932),
        LargeLlama2(Q3_K_S, 27.86, 3.7019),
        LargeLlama2(Q2_K, 27.27, 3.7339),

        FromCourse(F16, 14, 1.00),
        FromCourse(Q8_0, 7, 0.99),
        FromCourse(Q5_K_M, 4.9, 0.97),
        FromCourse(Q4_K_M, 4.1, 0.95),
        FromCourse(Q3_K_M, 3.2, 0.90),
        FromCourse(Q2_K, 2.7, 0.85),
    ];

    /// <summary>The measurements of one type, the most informative first.</summary>
    public static PublishedQuality[] Of(FileType type) => [.. All.Where(row => row.Type == type)];

    private static PublishedQuality Llama3(
        FileType type, bool imatrix, double size, double perplexity, double increase, double divergence, double rmsPercent) =>
        new(type, "LLaMA 3 8B", imatrix, Scoreboard)
        {
            Size = (long)(size * GiB),
            Perplexity = perplexity,
            PerplexityIncrease = increase,
            KlDivergence = divergence,
            RmsProbabilityChange = rmsPercent / 100,
            RelativeQuality = Llama3Perplexity / perplexity,
        };

    private static PublishedQuality SmallLlama2(
        FileType type, double? perplexity, double increase, double divergence, double rmsPercent, double sameTopPercent) =>
        new(type, "LLaMA 2 7B", Imatrix: false, Llama2Small)
        {
            Perplexity = perplexity,
            PerplexityIncrease = increase,
            KlDivergence = divergence,
            RmsProbabilityChange = rmsPercent / 100,
            TopTokenMatch = sameTopPercent / 100,
            RelativeQuality = (perplexity - increase) / perplexity,
        };

    private static PublishedQuality LargeLlama2(FileType type, double size, double perplexity) =>
        new(type, "LLaMA 2 70B", Imatrix: false, Llama2Large)
        {
            Size = (long)(size * GiB),
            Perplexity = perplexity,
            PerplexityIncrease = perplexity - Llama2LargePerplexity,
            RelativeQuality = Llama2LargePerplexity / perplexity,
        };

    private static PublishedQuality FromCourse(FileType type, double size, double quality) =>
        new(type, "a 7B model", Imatrix: false, Course)
        {
            Size = (long)(size * 1e9),
            RelativeQuality = quality,
        };
}

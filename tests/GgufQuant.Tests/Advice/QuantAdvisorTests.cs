using GgufQuant.Advice;
using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Tests.Advice;

public sealed class QuantAdvisorTests
{
    private const long Plenty = 1L << 40;

    [Fact]
    public void Types_are_sorted_by_expected_quality()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);

        IReadOnlyList<QuantAdvice> advice = QuantAdvisor.Find(file, Plenty);

        Assert.All(advice, entry => Assert.Equal(MemoryFit.Comfortable, entry.Fit));
        Assert.Equal(advice.OrderBy(entry => entry.Quality.KlDivergence), advice);
        Assert.Equal(
            [FileType.Q8_0, FileType.Q6_K, FileType.Q5_K_M, FileType.Q4_K_M, FileType.Q3_K_M, FileType.Q2_K],
            advice.Select(entry => entry.Type.Type).Where(type => type is FileType.Q8_0 or FileType.Q6_K or FileType.Q5_K_M or FileType.Q4_K_M or FileType.Q3_K_M or FileType.Q2_K));
    }

    [Fact]
    public void Q8_0_is_recommended_if_memory_allows()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);

        QuantAdvice advice = Assert.Single(QuantAdvisor.Find(file, Plenty), entry => entry.IsRecommended);

        Assert.Equal(FileType.Q8_0, advice.Type.Type);
        Assert.StartsWith("Q8_0 is the best quantization that leaves 102.4 GiB of 1 TiB free: ", advice.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FileType.Q8_0)]
    [InlineData(FileType.Q4_K_M)]
    [InlineData(FileType.Q2_K)]
    public void The_planned_size_is_the_files_real_size(FileType type)
    {
        using GgufFile file = GgufFile.Open(Sample.Model);

        QuantAdvice advice = QuantAdvisor.Find(file, Plenty).Single(entry => entry.Type.Type == type);

        Assert.Equal(QuantizationPlan.Create(file, type).TotalBytes, advice.FileSize, 4096.0);
        Assert.Equal(QuantizationPlan.Create(file, type).TensorBytes, advice.Memory.Weights);
    }

    [Fact]
    public void A_tenth_is_left_free_if_possible()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        QuantAdvice q8 = QuantAdvisor.Find(file, Plenty).Single(entry => entry.Type.Type == FileType.Q8_0);

        IReadOnlyList<QuantAdvice> advice = QuantAdvisor.Find(file, q8.Memory.Total + 1);

        QuantAdvice tight = advice.Single(entry => entry.Type.Type == FileType.Q8_0);
        QuantAdvice recommended = advice.Single(entry => entry.IsRecommended);
        Assert.Equal((MemoryFit.Tight, 1L), (tight.Fit, tight.Margin));
        Assert.Equal(MemoryFit.Comfortable, recommended.Fit);
        Assert.Equal(MemoryFit.TooLarge, advice.Single(entry => entry.Type.Type == FileType.F16).Fit);
        Assert.Equal(FileType.F16, advice[^1].Type.Type);
    }

    [Fact]
    public void The_reserve_that_is_asked_for_is_left_free()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        QuantAdvice q8 = QuantAdvisor.Find(file, Plenty).Single(entry => entry.Type.Type == FileType.Q8_0);

        QuantAdvice recommended = QuantAdvisor.Find(file, q8.Memory.Total + 1, reserve: 1).Single(entry => entry.IsRecommended);

        Assert.Equal((FileType.Q8_0, MemoryFit.Comfortable), (recommended.Type.Type, recommended.Fit));
    }

    [Fact]
    public void The_reason_says_whether_the_unquantized_model_fits_too()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        QuantAdvice f16 = QuantAdvisor.Find(file, Plenty).Single(entry => entry.Type.Type == FileType.F16);

        string roomy = QuantAdvisor.Find(file, f16.Memory.Total, reserve: 0).Single(entry => entry.IsRecommended).Reason;
        string narrow = QuantAdvisor.Find(file, f16.Memory.Total - 1, reserve: 0).Single(entry => entry.IsRecommended).Reason;

        Assert.Contains(" F16 fits too: ", roomy, StringComparison.Ordinal);
        Assert.DoesNotContain("F16", narrow, StringComparison.Ordinal);
    }

    [Fact]
    public void The_reason_says_that_nothing_leaves_a_tenth_free()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        long smallest = QuantAdvisor.Find(file, Plenty).Min(entry => entry.Memory.Total);

        QuantAdvice advice = Assert.Single(QuantAdvisor.Find(file, smallest + 1), entry => entry.IsRecommended);

        Assert.Equal(MemoryFit.Tight, advice.Fit);
        Assert.Contains("though none leaves", advice.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_recommended_if_nothing_fits()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);

        IReadOnlyList<QuantAdvice> advice = QuantAdvisor.Find(file, 1 << 20);

        Assert.All(advice, entry => Assert.True(entry is { IsRecommended: false, Fit: MemoryFit.TooLarge, Margin: < 0 }));
        Assert.Contains("exceed 1 MiB by", advice[0].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void The_models_own_type_loses_nothing()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);

        QuantAdvice best = QuantAdvisor.Find(file, Plenty)[0];

        Assert.Equal((FileType.F16, 0.0, "the model itself"), (best.Type.Type, best.Quality.KlDivergence, best.Quality.Source));
        Assert.False(best.IsRecommended);
    }

    [Fact]
    public void Unquantized_types_are_not_offered_for_a_quantized_model()
    {
        using TemporaryFolder folder = new();
        using GgufFile source = GgufFile.Open(Sample.Model);
        new Quantizer().Run(QuantizationPlan.Create(source, FileType.Q8_0), folder.File("q8.gguf"));
        using GgufFile file = GgufFile.Open(folder.File("q8.gguf"));

        IReadOnlyList<QuantAdvice> advice = QuantAdvisor.Find(file, Plenty);

        Assert.DoesNotContain(advice, entry => entry.IsUnquantized);
        Assert.Equal(FileType.Q8_0, Assert.Single(advice, entry => entry.IsRecommended).Type.Type);
    }

    [Fact]
    public void More_context_takes_more_memory()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);

        QuantAdvice shorter = QuantAdvisor.Find(file, Plenty, memory: new() { ContextLength = 1024 })[0];
        QuantAdvice longer = QuantAdvisor.Find(file, Plenty, memory: new() { ContextLength = 8192 })[0];

        Assert.True(longer.Memory.Total > shorter.Memory.Total);
    }

    [Fact]
    public void An_importance_matrix_is_assumed_only_on_request()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);

        IReadOnlyList<QuantAdvice> without = QuantAdvisor.Find(file, Plenty);
        IReadOnlyList<QuantAdvice> with = QuantAdvisor.Find(file, Plenty, withImportanceMatrix: true);

        Assert.DoesNotContain(without, entry => entry.Type.Imatrix == ImatrixAdvice.Required);
        Assert.EndsWith("It needs the importance matrix.", with.Single(entry => entry.Type.Type == FileType.IQ2_XS).Reason, StringComparison.Ordinal);
        Assert.True(Divergence(with, FileType.Q3_K_S) < Divergence(without, FileType.Q3_K_S));

        static double Divergence(IEnumerable<QuantAdvice> advice, FileType type) => advice.Single(entry => entry.Type.Type == type).Quality.KlDivergence;
    }

    [Fact]
    public void Measurements_take_precedence_and_scale_the_rest()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        Dictionary<FileType, double> measured = new() { [FileType.Q4_K_M] = 0.0031273, [FileType.Q2_K] = 0.0445132 };

        IReadOnlyList<QuantAdvice> advice = QuantAdvisor.Find(file, Plenty, measured: measured);

        ExpectedQuality q4 = advice.Single(entry => entry.Type.Type == FileType.Q4_K_M).Quality;
        ExpectedQuality q6 = advice.Single(entry => entry.Type.Type == FileType.Q6_K).Quality;
        Assert.Equal((0.0031273, true), (q4.KlDivergence, q4.IsMeasured));
        // Both measured types lose a tenth of what is published.
        Assert.Equal(0.0005452, q6.KlDivergence, 1e-9);
        Assert.False(q6.IsMeasured);
        Assert.EndsWith("scaled by what was measured on this model", q6.Source, StringComparison.Ordinal);
    }

    [Fact]
    public void Measurements_that_differ_scale_the_rest_by_their_geometric_mean()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        Dictionary<FileType, double> measured = new() { [FileType.Q4_K_M] = 0.031273 * 2, [FileType.Q2_K] = 0.445132 / 8 };

        IReadOnlyList<QuantAdvice> advice = QuantAdvisor.Find(file, Plenty, measured: measured);

        Assert.Equal(0.005452 / 2, advice.Single(entry => entry.Type.Type == FileType.Q6_K).Quality.KlDivergence, 1e-9);
    }

    [Fact]
    public void Of_equal_quality_the_smaller_is_recommended()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        QuantAdvice large = QuantAdvisor.Find(file, Plenty).Single(entry => entry.Type.Type == FileType.Q6_K);
        QuantAdvice small = large with { Memory = large.Memory with { Weights = large.Memory.Weights - 1 } };

        Assert.Same(small, QuantAdvisor.Recommend([large, small]));
        Assert.Same(small, QuantAdvisor.Recommend([small, large]));
    }

    [Fact]
    public void What_a_card_has_no_room_for_must_fit_on_the_host()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        MemoryOptions memory = new() { GpuMemory = 5 << 20, GpuReserve = 0, BatchSize = 16 };

        QuantAdvice advice = Assert.Single(QuantAdvisor.Find(file, Plenty, memory: memory), entry => entry.IsRecommended);

        GpuPlacement placement = advice.Memory.Placement!;
        Assert.Equal(Plenty - placement.Host.Total, advice.Margin);
        Assert.InRange(placement.GpuLayers, 1, placement.Layers - 1);
        Assert.InRange(placement.Gpu.Total, 1, 5 << 20);
        Assert.Contains($" llama.cpp's programs want {placement.Arguments}. {advice.WholeOnCard!.Type} would be on the card as a whole, and faster.", advice.Reason, StringComparison.Ordinal);
        Assert.True(advice.WholeOnCard.Memory.Placement!.IsWhole);
    }

    [Fact]
    public void Without_other_memory_all_layers_must_fit_on_the_card()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        MemoryOptions memory = new() { GpuMemory = 8 << 20, BatchSize = 16 };

        IReadOnlyList<QuantAdvice> advice = QuantAdvisor.Find(file, budget: null, reserve: 0, memory);

        Assert.All(advice, entry => Assert.Equal((8 << 20) - entry.Memory.Placement!.Gpu.Total, entry.Margin));
        Assert.All(advice, entry => Assert.Equal(entry.Memory.Placement!.Layers, entry.Memory.Placement.GpuLayers));
        Assert.Equal(MemoryFit.TooLarge, advice.Single(entry => entry.Type.Type == FileType.F16).Fit);
        Assert.EndsWith(" -ngl 7.", advice.Single(entry => entry.IsRecommended).Reason, StringComparison.Ordinal);
    }
}

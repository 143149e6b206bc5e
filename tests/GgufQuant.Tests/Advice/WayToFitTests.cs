using GgufQuant.Advice;
using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Tests.Advice;

public sealed class WayToFitTests
{
    [Fact]
    public void The_context_is_the_longest_that_fits()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        const long Budget = 15 << 20;

        WayToFit way = WayToFit.Find(file, Budget, new() { ContextLength = 2048 })[0];

        long length = Assert.NotNull(way.Options.ContextLength);
        Assert.InRange(length, 256, 2047);
        Assert.Contains(QuantAdvisor.Find(file, Budget, memory: new() { ContextLength = length }), entry => entry.Fit != MemoryFit.TooLarge);
        Assert.All(QuantAdvisor.Find(file, Budget, memory: new() { ContextLength = length + 256 }), entry => Assert.Equal(MemoryFit.TooLarge, entry.Fit));
    }

    [Fact]
    public void The_cache_is_the_largest_that_suffices()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        MemoryOptions memory = new() { ContextLength = 2048 };

        // Just too little for the smallest type.
        long budget = QuantAdvisor.Find(file, 1, memory: memory)[0].Memory.Total - 1;

        WayToFit way = WayToFit.Find(file, budget, memory)[1];
        Assert.Equal((CacheType.Q8_0, CacheType.Q8_0, 2048L), (way.Options.KeyType, way.Options.ValueType, way.Options.ContextLength));
        QuantAdvice best = QuantAdvisor.Find(file, budget, reserve: 0, memory: way.Options).Single(entry => entry.IsRecommended);
        Assert.Equal((best.Type.Type, best.Memory.Total), (way.Advice.Type.Type, way.Advice.Memory.Total));
    }

    [Fact]
    public void Quantized_values_need_flash_attention()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        MemoryOptions memory = new() { ContextLength = 2048, FlashAttention = false };
        long budget = QuantAdvisor.Find(file, 1, memory: memory)[0].Memory.Total - 1;

        Assert.All(WayToFit.Find(file, budget, memory), way => Assert.Equal(CacheType.F16, way.Options.ValueType));
    }

    [Fact]
    public void A_shorter_context_and_a_smaller_cache_are_combined_where_neither_suffices()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        // With a cache of F16, not even the shortest context fits; with one of Q8_0 it does.
        long most = QuantAdvisor.Find(file, 1, memory: new() { ContextLength = 256, BatchSize = 16 })[0].Memory.Total - 1;

        WayToFit way = WayToFit.Find(file, most, new() { ContextLength = 4096, BatchSize = 16 })[0];

        Assert.Equal((CacheType.Q8_0, true), (way.Options.KeyType, way.Options.ContextLength < 4096));
    }

    [Fact]
    public void A_type_with_an_importance_matrix_may_suffice()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        long budget = QuantAdvisor.Find(file, 1)[0].Memory.Total - 1;

        WayToFit way = Assert.Single(WayToFit.Find(file, budget), way => way.NeedsImportanceMatrix);

        Assert.Equal(ImatrixAdvice.Required, way.Advice.Type.Imatrix);
        Assert.DoesNotContain(WayToFit.Find(file, budget, withImportanceMatrix: true), way => way.NeedsImportanceMatrix);
    }

    [Fact]
    public void What_a_card_has_no_room_for_may_be_on_the_host()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        MemoryOptions memory = new() { GpuMemory = 3 << 20, GpuReserve = 0, BatchSize = 16 };

        WayToFit way = Assert.Single(WayToFit.Find(file, budget: null, memory), way => way.UsesHost);

        GpuPlacement placement = way.Advice.Memory.Placement!;
        Assert.True(placement.Fits);
        Assert.InRange(placement.GpuLayers, 1, placement.Layers - 1);
        Assert.Contains(QuantAdvisor.Find(file, placement.Host.Total, reserve: 0, memory), entry => entry.Fit != MemoryFit.TooLarge);
        Assert.All(QuantAdvisor.Find(file, placement.Host.Total - 1, reserve: 0, memory), entry => Assert.Equal(MemoryFit.TooLarge, entry.Fit));
    }

    [Fact]
    public void Nothing_makes_room_for_weights_alone()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);

        Assert.Empty(WayToFit.Find(file, 1 << 20));
        QuantAdvice smallest = WayToFit.Smallest(file, 1 << 20)!;
        Assert.Equal(QuantAdvisor.Find(file, 1 << 20)[0].Memory.Total, smallest.Memory.Total);
        Assert.Equal(FileType.Q2_K, smallest.Type.Type);
    }
}

using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Tests.Models;

public class MemoryEstimateTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData(8192, CacheType.F16, 1024)]
    [InlineData(8192, CacheType.Q8_0, 544)]
    [InlineData(8192, CacheType.Q4_0, 288)]
    [InlineData(8000, CacheType.F16, 1024)]
    [InlineData(131072, CacheType.F16, 16384)]
    public void Llama_8B_caches_what_llama_cpp_reserves(long context, CacheType cacheType, long expected)
    {
        using Llama8B model = new();
        MemoryEstimate memory = MemoryEstimate.Of(0, ModelShape.Read(model.File), new() { ContextLength = context, KeyType = cacheType, ValueType = cacheType });
        Assert.Equal(expected * MiB, memory.Cache);
        Assert.Equal(0, memory.State);
    }

    [Theory]
    [InlineData(8192, 512, true, 266)]
    [InlineData(131072, 512, true, 266)]
    [InlineData(262144, 512, true, 372)]
    [InlineData(131072, 64, true, 33)]
    [InlineData(8192, 512, false, 572)]
    public void Llama_8B_computes_in_what_llama_cpp_reserves(long context, int batch, bool flashAttention, long expected)
    {
        using Llama8B model = new();
        MemoryOptions options = new() { ContextLength = context, BatchSize = batch, FlashAttention = flashAttention };
        MemoryEstimate memory = MemoryEstimate.Of(0, ModelShape.Read(model.File), options);
        Assert.Equal(expected, memory.Compute / MiB);
    }

    [Fact]
    public void Keys_and_values_may_have_types_of_their_own()
    {
        using Llama8B model = new();
        MemoryEstimate memory = MemoryEstimate.Of(0, ModelShape.Read(model.File), new() { ContextLength = 8192, KeyType = CacheType.Q8_0, ValueType = CacheType.Q4_0 });
        Assert.Equal((272 + 144) * MiB, memory.Cache);
    }

    /// <summary>Converters write these in several integer types, of which llama.cpp takes some.</summary>
    [Theory]
    [MemberData(nameof(HeadCounts))]
    public void Head_counts_per_layer_may_be_integers_of_any_type(object counts)
    {
        ShapeKeys keys = new(new GgufMetadata([GgufEntry.Create("general.architecture", "deci"), GgufEntry.Create("deci.attention.head_count_kv", counts)]));
        Assert.Equal([2, 0, 1], keys.FindPerLayer("attention.head_count_kv", 3)!);
    }

    public static TheoryData<object> HeadCounts =>
    [
        new sbyte[] { 2, 0, 1 }, new byte[] { 2, 0, 1 }, new short[] { 2, 0, 1 }, new ushort[] { 2, 0, 1 }, new[] { 2, 0, 1 }, new uint[] { 2, 0, 1 },
        new long[] { 2, 0, 1 }, new ulong[] { 2, 0, 1 }, new[] { 2, -1, 1 }, new[] { 2L, 1L << 50, 1L },
    ];

    [Fact]
    public void The_context_is_the_models_but_no_more_than_4096_unless_asked()
    {
        using Llama8B model = new();
        Assert.Equal(4096, MemoryEstimate.Of(0, ModelShape.Read(model.File)).ContextLength);
        Assert.Equal(256, MemoryEstimate.Of(0, new() { Architecture = "x", ContextLength = 256 }).ContextLength);
    }

    [Fact]
    public void What_a_file_does_not_state_is_listed_as_an_assumption()
    {
        MemoryEstimate memory = MemoryEstimate.Of(1000, new() { Architecture = "" });
        Assert.Equal(1000, memory.Weights);
        Assert.Contains(memory.Assumptions, line => line.Contains("only the weights are counted"));
    }

    [Fact]
    public void An_unknown_architecture_is_counted_with_full_attention_and_said_to_be()
    {
        LayerShape layer = new() { KeyValueHeads = 1, KeyLength = 8, ValueLength = 8, HasCache = true };
        ModelShape shape = new() { Architecture = "novelty", Layers = 1, EmbeddingLength = 8, KeyLength = 8, ValueLength = 8, LayerShapes = [layer] };
        MemoryEstimate memory = MemoryEstimate.Of(0, shape);
        Assert.Equal(16 * 2 * 4096, memory.Cache);
        Assert.Contains(memory.Assumptions, line => line.Contains("does not know the architecture 'novelty'"));
    }

    [Fact]
    public void A_vocabulary_takes_no_memory_but_its_own()
    {
        MemoryEstimate memory = MemoryEstimate.Of(0, new() { Architecture = "llama", Layers = 2, EmbeddingLength = 8, VocabularySize = 32000, IsVocabulary = true });
        Assert.Equal(0, memory.Total);
        Assert.Equal(["The file contains a vocabulary without weights: there is nothing to run."], memory.Assumptions);
    }

    [Fact]
    public void Layers_that_draft_tokens_are_not_counted_but_said_to_exist_with_their_size()
    {
        ModelShape shape = new() { Architecture = "glm4moe", Layers = 3, DraftLayers = 1, EmbeddingLength = 8 };
        ModelWeights weights = ModelWeights.Of([("token_embd.weight", 100), ("blk.0.attn_q.weight", 10), ("blk.2.nextn.eh_proj.weight", 3 << 20)], shape);
        Assert.Equal(110, weights.Total);
        foreach (MemoryOptions options in (MemoryOptions[])[new(), new() { GpuMemory = 1 << 30 }])
        {
            IReadOnlyList<string> assumptions = MemoryEstimate.Of(weights, shape, options).Assumptions;
            Assert.Contains("Layers that draft tokens are not loaded: they take neither weights nor cache.", assumptions);
            Assert.Single(assumptions, line => line.StartsWith("Speculative decoding with them takes another 3.00 MiB of weights and a second context", StringComparison.Ordinal));
        }
        ModelWeights head = ModelWeights.Of([("token_embd.weight", 100), ("blk.2.nextn.eh_proj.weight", 3 << 20)], shape);
        Assert.Contains(MemoryEstimate.Of(head, shape).Assumptions, line => line.StartsWith("The file has no layers but these, 3.00 MiB, ", StringComparison.Ordinal));
        ModelShape trunk = shape with { DraftLayers = 0, Layers = 2 };
        Assert.DoesNotContain(MemoryEstimate.Of(ModelWeights.Of([("blk.0.attn_q.weight", 10)], trunk), trunk).Assumptions, line => line.Contains("draft"));
    }

    [Theory]
    [InlineData("eagle3", true)]
    [InlineData("dflash", true)]
    [InlineData("gemma4-assistant", true)]
    [InlineData("gemma4", false)]
    public void A_draft_head_is_said_to_run_beside_another_model(string architecture, bool isHead)
    {
        IReadOnlyList<string> assumptions = MemoryEstimate.Of(0, new() { Architecture = architecture, Layers = 1, EmbeddingLength = 8 }).Assumptions;
        Assert.Equal(isHead, assumptions.Any(line => line.EndsWith("that model's memory is not counted.", StringComparison.Ordinal)));
    }

    [Fact]
    public void Absurd_dimensions_give_a_bound_and_not_an_overflow()
    {
        LayerShape layer = new() { KeyValueHeads = 1L << 39, KeyLength = 1L << 39, ValueLength = 1L << 39, HasCache = true };
        ModelShape shape = new() { Architecture = "x", LayerShapes = [layer, layer], VocabularySize = 1L << 39 };
        Assert.Equal(long.MaxValue, MemoryEstimate.Of(1, shape, new() { ContextLength = 1 << 30 }).Total);
    }
}

using GgufQuant.Models;

namespace GgufQuant.Tests.Models;

public class MemoryEstimateTests
{
    private const long MiB = 1 << 20;

    /// <summary>llama.cpp's own log for Llama 3.1 8B: 1,024 MiB of cache at 8,192 tokens, 258.5 MiB of buffers.</summary>
    [Theory]
    [InlineData(8192, CacheType.F16, 1024)]
    [InlineData(8192, CacheType.Q8_0, 544)]
    [InlineData(8192, CacheType.Q4_0, 288)]
    [InlineData(8000, CacheType.F16, 1024)]
    [InlineData(131072, CacheType.F16, 16384)]
    public void Llama_8B_takes_what_llama_cpp_reserves(long context, CacheType cacheType, long expected)
    {
        using Llama8B model = new();
        MemoryEstimate memory = MemoryEstimate.Of(0, ModelShape.Read(model.File), context, cacheType);
        Assert.Equal(expected * MiB, memory.CacheSize);
        Assert.Equal(258.5, (double)memory.ComputeSize / MiB, 1);
    }

    [Fact]
    public void The_context_is_the_models_but_no_more_than_4096_unless_asked()
    {
        using Llama8B model = new();
        Assert.Equal(4096, MemoryEstimate.Of(0, ModelShape.Read(model.File)).ContextLength);
        Assert.Equal(256, MemoryEstimate.Of(0, new() { Architecture = "x", ContextLength = 256 }).ContextLength);
    }

    [Fact]
    public void Sliding_windows_cache_only_their_window()
    {
        ModelShape shape = new() { Architecture = "gemma2", Layers = 4, KeyValueHeads = [1, 1, 1, 1], KeyLength = 8, ValueLength = 8, SlidingWindow = 1024, SlidingPeriod = 2 };
        // Two layers keep 1,024 + 512 tokens, two the whole context.
        Assert.Equal(2 * 16 * 2 * (1536 + 8192), MemoryEstimate.Of(0, shape, 8192).CacheSize);
    }

    [Fact]
    public void Layers_without_attention_keep_a_state_instead()
    {
        ModelShape shape = new() { Architecture = "jamba", Layers = 2, KeyValueHeads = [0, 2], KeyLength = 4, ValueLength = 4, RecurrentState = 100 };
        Assert.Equal((2 * 8 * 256 * 2) + 400, MemoryEstimate.Of(0, shape, 256).CacheSize);
    }

    [Fact]
    public void What_a_file_does_not_state_is_listed_as_an_assumption()
    {
        MemoryEstimate memory = MemoryEstimate.Of(1000, new() { Architecture = "" });
        Assert.Equal(1000, memory.Size);
        Assert.Contains(memory.Assumptions, line => line.Contains("only the weights are counted"));
    }

    [Fact]
    public void Absurd_dimensions_give_a_bound_and_not_an_overflow()
    {
        ModelShape shape = new() { Architecture = "x", KeyValueHeads = [1L << 39, 1L << 39], KeyLength = 1L << 39, ValueLength = 1L << 39, VocabularySize = 1L << 39 };
        Assert.Equal(long.MaxValue, MemoryEstimate.Of(1, shape, 1 << 30).Size);
    }
}

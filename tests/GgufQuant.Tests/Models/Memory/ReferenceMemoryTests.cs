using GgufQuant.Formats;
using GgufQuant.Models;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Models;

/// <summary>What llama.cpp's library allocates decides.</summary>
public sealed class ReferenceMemoryTests
{
    // The library logs hundredths of a MiB, for keys, values and states apart, of up to four caches.
    private const double Rounding = 8 * 0.005 * MiB;

    private const double MiB = 1 << 20;

    // Changed since the build that LLamaSharp packages.
    private static readonly string[] s_changed = ["minimax-m3"];

    private static readonly string[] s_common =
        ["llama", "qwen2", "qwen3", "qwen3moe", "qwen35", "qwen35moe", "gemma2", "gemma3", "gemma4", "phi3", "gpt-oss", "deepseek2"];

    public static TheoryData<string> Architectures => [.. TinyArchitecture.All];

    [ReferenceTheory]
    [MemberData(nameof(Architectures))]
    public void Cache_and_state_are_what_the_library_allocates(string architecture)
    {
        using TinyModel model = new(new(architecture));
        AssertAsAllocated(model, architecture);
    }

    public static TheoryData<string> Models => [.. CommonModels.All.Keys];

    [ReferenceTheory]
    [MemberData(nameof(Models))]
    public void Buffers_of_common_models_are_within_a_tenth_of_what_the_library_reserves(string name)
    {
        (string architecture, Dictionary<string, object> keys) = CommonModels.All[name];
        using TinyModel model = new(new(architecture, layers: 4, with: keys));
        ModelShape shape = ModelShape.Read(model.File);
        List<string> wrong = [];
        foreach (MemoryOptions options in Runs(architecture))
        {
            ReferenceAllocation expected = Allocate(model.Reference, options);
            MemoryEstimate actual = MemoryEstimate.Of(0, shape, options);
            double tolerance = Math.Max(2 * MiB, expected.Compute / 10);
            bool isClose = options is { Parallel: 1, KeyType: CacheType.F16 };
            if (actual.Compute < expected.Compute - tolerance || (isClose && actual.Compute > expected.Compute + tolerance))
                wrong.Add($"{options}: buffers {actual.Compute / MiB:N2} MiB instead of {expected.Compute / MiB:N2} MiB");
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [ReferenceFact]
    public void The_logits_of_a_batch_take_most_with_a_large_vocabulary()
    {
        Dictionary<string, object> keys = new(CommonModels.All["Llama 3.2 1B"].Keys) { ["vocab_size"] = 128256u };
        using TinyModel model = new(new("llama", with: keys));
        MemoryOptions options = new() { ContextLength = 4096 };
        double expected = Allocate(model.Reference, options).Compute;
        Assert.InRange(expected, 512L * 128256 * sizeof(float), 2 * 512L * 128256 * sizeof(float));
        Assert.InRange(MemoryEstimate.Of(0, ModelShape.Read(model.File), options).Compute, expected - Rounding, expected + MiB);
    }

    public static TheoryData<string> OtherModels => [.. CommonModels.Others.Keys];

    [ReferenceTheory]
    [MemberData(nameof(OtherModels))]
    public void Buffers_of_other_models_are_not_estimated_too_low(string name)
    {
        (string architecture, Dictionary<string, object> keys) = CommonModels.Others[name];
        using TinyModel model = new(new(architecture, with: keys));
        AssertAsAllocated(model, architecture);
    }

    /// <summary>The build that LLamaSharp packages gives them one.</summary>
    [ReferenceTheory(ReferenceKind.Npm)]
    [InlineData("cohere2moe")]
    [InlineData("deepseek2")]
    [InlineData("deepseek32")]
    [InlineData("exaone-moe")]
    [InlineData("glm-dsa")]
    [InlineData("glm4")]
    [InlineData("glm4moe")]
    [InlineData("hy_v3")]
    [InlineData("mimo2")]
    [InlineData("mistral4")]
    [InlineData("qwen35")]
    [InlineData("qwen35moe")]
    [InlineData("qwen3next")]
    [InlineData("step35")]
    [InlineData("bailingmoe2")]
    public void Layers_that_draft_tokens_have_no_cache(string architecture)
    {
        using TinyModel trunk = new(new(architecture));
        using TinyModel model = new(new(architecture, draftLayers: 1), trunk);
        AssertAsAllocated(model, architecture);
    }

    // Four of the eight layers have attention. Of other architectures, the library asserts more tensors than it asks for.
    [Theory]
    [InlineData("qwen35")]
    [InlineData("qwen35moe")]
    public void A_context_that_drafts_tokens_has_the_cache_of_its_layers_and_takes_less_than_the_first(string architecture)
    {
        Assert.SkipWhen(ReferenceLibrary.Build != ReferenceBuild.Npm, $"{ReferenceBuild.Npm.Name} is not here.");
        using TinyModel trunk = new(new(architecture, layers: 8));
        using TinyModel model = new(new(architecture, draftLayers: 1, layers: 8), trunk, loadsDraft: true);
        foreach (int context in (int[])[4096, 65536])
        {
            (ReferenceAllocation first, ReferenceAllocation draft) = model.Reference.AllocateWithDraft(context);
            Assert.Equal((first.Cache / 4, 0), (draft.Cache, draft.State));
            Assert.InRange(draft.Compute, 1, first.Compute);
        }
    }

    /// <summary>Keys that change the cache or the state, by what they say.</summary>
    private static readonly Dictionary<string, (string Architecture, Dictionary<string, object> Keys)> s_variants = new()
    {
        ["heads per layer"] = ("deci", new() { ["attention.head_count_kv"] = new[] { 2, 1 } }),
        ["a layer without attention"] = ("deci", new() { ["attention.head_count"] = new uint[] { 2, 0 }, ["attention.head_count_kv"] = new uint[] { 2, 0 } }),
        ["heads of another length"] = ("qwen3", new() { ["attention.key_length"] = 96u, ["attention.value_length"] = 96u }),
        ["one window pattern for all"] = ("cohere2moe", new() { ["attention.sliding_window_pattern"] = 2u }),
        ["a pattern that is not read"] = ("gemma2", new() { ["attention.sliding_window_pattern"] = new[] { false, true } }),
        ["a listed pattern"] = ("mellum", new() { ["attention.sliding_window_pattern"] = new[] { false, true } }),
        ["no window"] = ("gemma3", new() { ["attention.sliding_window"] = 0u }),
        ["no chunks"] = ("llama4", new() { ["attention.sliding_window"] = 0u }),
        ["windows in all attention layers"] = ("lfm2", new() { ["attention.sliding_window"] = 256u }),
        ["no window beside convolutions"] = ("lfm2", new() { ["attention.sliding_window"] = 0u }),
        ["layers that share a cache"] = ("gemma4", new()
        {
            ["attention.shared_kv_layers"] = 2u,
            ["attention.sliding_window_pattern"] = new[] { true, true, false, true, false },
        }),
        ["window layers with different heads"] = ("gemma4", new()
        {
            ["attention.key_length"] = 128u,
            ["attention.value_length"] = 128u,
            ["attention.head_count_kv"] = new[] { 2, 2, 2, 2, 1 },
        }),
        ["listed states"] = ("qwen35", new() { ["attention.recurrent_layers"] = new[] { true, false } }),
        ["layers run several times"] = ("nanbeige", new() { ["num_loops"] = 3u }),
        ["a wider convolution"] = ("mamba", new() { ["ssm.conv_kernel"] = 9u }),
    };

    public static TheoryData<string> Variants => [.. s_variants.Keys];

    [ReferenceTheory]
    [MemberData(nameof(Variants))]
    public void Keys_that_change_the_memory_are_read_as_the_library_reads_them(string variant)
    {
        (string architecture, Dictionary<string, object> keys) = s_variants[variant];
        using TinyModel model = new(new(architecture, with: keys));
        AssertAsAllocated(model, architecture);
    }

    private static void AssertAsAllocated(TinyModel model, string architecture)
    {
        Assert.SkipWhen(ReferenceLibrary.Build != ReferenceBuild.Npm && s_changed.Contains(architecture), $"v0.5.0 has changed '{architecture}'.");
        List<string> wrong = [];
        ModelShape shape = ModelShape.Read(model.File);
        foreach (MemoryOptions options in Runs(architecture))
        {
            ReferenceAllocation expected = Allocate(model.Reference, options);
            MemoryEstimate actual = MemoryEstimate.Of(0, shape, options);
            double least = s_common.Contains(architecture) ? expected.Compute - Math.Max(2 * MiB, expected.Compute / 10) : expected.Compute - Rounding;
            if (actual.Compute < least)
                wrong.Add($"{options}: buffers {actual.Compute / MiB:N2} MiB instead of {expected.Compute / MiB:N2} MiB");
            if (Math.Abs(expected.Cache - actual.Cache) > Rounding || Math.Abs(expected.State - actual.State) > Rounding)
                wrong.Add($"{options}: cache {actual.Cache:N0} instead of {expected.Cache:N0}, state {actual.State:N0} instead of {expected.State:N0}");
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static IEnumerable<MemoryOptions> Runs(string architecture)
    {
        foreach (int context in (int[])[4096, 65536, 131072])
            yield return new() { ContextLength = context };
        yield return new() { ContextLength = 10000, BatchSize = 128 };
        yield return new() { ContextLength = 8192, FlashAttention = false };
        // The library evaluates no several sequences with T5: it ends the process.
        if (architecture != "t5")
            yield return new() { ContextLength = 32768, Parallel = 16 };
        // If values are computed from the keys, there is only one type.
        if (ArchitectureMemory.Of(architecture) is { IsLatent: false, Indexer: not IndexerKind.Compressed })
            yield return new() { ContextLength = 8192, KeyType = CacheType.F32, ValueType = CacheType.BF16 };
    }

    private static ReferenceAllocation Allocate(ReferenceMemory model, MemoryOptions options) => model.Allocate(
        (int)options.ContextLength!.Value, options.BatchSize, options.Parallel, options.FlashAttention,
        Enum.Parse<GgmlType>($"{options.KeyType}"), Enum.Parse<GgmlType>($"{options.ValueType}"));
}

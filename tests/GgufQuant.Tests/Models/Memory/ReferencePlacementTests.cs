using GgufQuant.Models;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Models;

/// <summary>What llama.cpp's library places on a card that only looks like one decides.</summary>
public sealed class ReferencePlacementTests
{
    // Both devices align each tensor.
    private const long Alignment = 128;

    private const double MiB = 1 << 20;

    // Copies of what the host has leave holes, which are estimated upwards.
    private const double MostTimes = 2.1;
    private const double MostMore = 16 * MiB;

    private static readonly MemoryOptions[] s_runs =
    [
        new() { ContextLength = 4096 },
        new() { ContextLength = 65536 },
        new() { ContextLength = 4096, FlashAttention = false },
        new() { ContextLength = 4096, BatchSize = 16 },
    ];

    // Its small model has no embeddings, for which the library loads the output a second time.
    private const string WithoutEmbeddings = "codeshell";

    // The library asks for the output before the embeddings, and so has these twice on the host as well.
    private const string TwiceOnHost = "gemma4";

    public static TheoryData<string> Architectures => [.. TinyArchitecture.All.Where(architecture => architecture != WithoutEmbeddings)];

    [ReferenceTheory(ReferenceKind.Npm)]
    [MemberData(nameof(Architectures))]
    public void Weights_cache_and_state_are_where_the_library_places_them(string architecture)
    {
        using TinyModel model = new(new(architecture));
        ModelShape shape = ModelShape.Read(model.File);
        ModelWeights weights = ModelWeights.Of(model.File, shape);
        LayerOffload offload = new(weights, shape, ContextPlan.Of(shape, new() { ContextLength = 4096 }));
        List<string> wrong = [];
        foreach ((int layers, int experts) in Divisions(shape, weights))
        {
            using ReferenceMemory reference = ReferenceMemory.LoadWithCard(model.File.Path, layers, experts);
            (ReferencePart card, ReferencePart host) = reference.Place(4096);
            GpuPlacement actual = offload.Place(layers, experts);
            string division = $"-ngl {layers} --n-cpu-moe {experts}";
            Compare($"{division}, card", actual.Gpu, card);
            Compare($"{division}, host", actual.Host, architecture == TwiceOnHost && layers == 0 ? host with { Weights = host.Weights - weights.TiedOutput } : host);
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));

        void Compare(string where, MemoryShare share, ReferencePart expected)
        {
            if (Math.Abs(share.Weights - expected.Weights) > Alignment * model.File.Tensors.Count)
                wrong.Add($"{where}: {share.Weights:N0} of weights instead of {expected.Weights:N0}");
            if (Math.Abs(share.Cache + share.State - expected.Context) > Alignment * 4 * shape.LayerShapes.Count)
                wrong.Add($"{where}: {share.Cache + share.State:N0} of context instead of {expected.Context:N0}");
        }
    }

    [ReferenceTheory(ReferenceKind.Npm)]
    [InlineData("deepseek2")]
    [InlineData("glm4moe")]
    [InlineData("qwen35")]
    [InlineData("qwen35moe")]
    [InlineData("qwen3next")]
    [InlineData("mimo2")]
    [InlineData("step35")]
    public void Layers_that_draft_tokens_are_not_loaded(string architecture)
    {
        using TinyModel trunk = new(new(architecture));
        using TinyModel model = new(new(architecture, draftLayers: 1), trunk);
        ModelShape shape = ModelShape.Read(model.File);
        using ReferenceMemory reference = ReferenceMemory.LoadWithCard(model.File.Path, shape.Layers + 1, 0);
        (ReferencePart card, ReferencePart host) = reference.Place(4096);
        GpuPlacement actual = new LayerOffload(ModelWeights.Of(model.File, shape), shape, ContextPlan.Of(shape, new() { ContextLength = 4096 })).Place(shape.Layers + 1, 0);
        Assert.Equal(1, shape.DraftLayers);
        Assert.InRange(actual.Gpu.Weights, card.Weights - (Alignment * model.File.Tensors.Count), card.Weights);
        Assert.InRange(actual.Host.Weights, host.Weights - Alignment, host.Weights);
    }

    public static TheoryData<string> Models => [.. CommonModels.All.Keys];

    [ReferenceTheory(ReferenceKind.Npm)]
    [MemberData(nameof(Models))]
    public void Buffers_on_card_and_host_are_at_least_what_the_library_reserves(string name)
    {
        (string architecture, Dictionary<string, object> keys) = CommonModels.All[name];
        using TinyModel model = new(new(architecture, layers: 4, with: keys));
        ModelShape shape = ModelShape.Read(model.File);
        ModelWeights weights = ModelWeights.Of(model.File, shape);
        List<string> wrong = [];
        foreach ((int layers, int experts) in Divisions(shape, weights))
        {
            using ReferenceMemory reference = ReferenceMemory.LoadWithCard(model.File.Path, layers, experts);
            foreach (MemoryOptions options in s_runs)
            {
                (ReferencePart card, ReferencePart host) = reference.Place((int)options.ContextLength!, options.BatchSize, options.FlashAttention);
                GpuPlacement actual = new LayerOffload(weights, shape, ContextPlan.Of(shape, options)).Place(layers, experts);
                Compare($"{options.ContextLength}, {options.BatchSize}, {options.FlashAttention}, -ngl {layers} --n-cpu-moe {experts}, card", actual.Gpu.Compute, card.Compute);
                Compare($"{options.ContextLength}, {options.BatchSize}, {options.FlashAttention}, -ngl {layers} --n-cpu-moe {experts}, host", actual.Host.Compute, host.Compute);
            }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));

        void Compare(string where, long bytes, long expected)
        {
            if (bytes < expected - Math.Max(2 * MiB, expected / 10) || bytes > (MostTimes * expected) + MostMore)
                wrong.Add($"{where}: {bytes / MiB:N2} MiB instead of {expected / MiB:N2}");
        }
    }

    private static IEnumerable<(int Layers, int Experts)> Divisions(ModelShape shape, ModelWeights weights)
    {
        foreach (int layers in ((int[])[0, 1, (shape.Layers / 2) + 1, shape.Layers + 1]).Distinct())
            yield return (layers, 0);
        if (weights.Experts == 0)
            yield break;
        yield return (shape.Layers + 1, 1);
        yield return (shape.Layers + 1, shape.Layers);
        yield return ((shape.Layers / 2) + 1, shape.Layers);
    }
}

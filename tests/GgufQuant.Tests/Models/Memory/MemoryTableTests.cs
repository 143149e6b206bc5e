using System.Globalization;
using System.Text;
using GgufQuant.Models;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Models;

/// <summary>The table in the documents of what <see cref="ReferenceMemoryTests"/> proves.</summary>
public sealed class MemoryTableTests
{
    private const string Update = "GGUFQUANT_UPDATE_DOCS";
    private const int Layers = 4;
    private const double MiB = 1 << 20;

    private static readonly int[] s_contexts = [4096, 65536, 131072];
    private static readonly string s_path = Repository.PathOf("docs", "memory.md");

    [ReferenceFact(ReferenceKind.Npm)]
    public void The_table_of_memory_is_up_to_date()
    {
        string text = Document();
        if (Environment.GetEnvironmentVariable(Update) == "1")
            File.WriteAllText(s_path, text);
        Assert.True(File.Exists(s_path) && File.ReadAllText(s_path).ReplaceLineEndings("\n") == text, $"'{s_path}' is out of date: run this test with {Update}=1.");
    }

    private static string Document()
    {
        StringBuilder text = new();
        text.Append("# The memory that llama.cpp takes\n\n");
        text.Append("`Get-GgufInfo` and `Find-QuantType` estimate it from the header alone: weights, key-value cache, recurrent states and buffers\n");
        text.Append("for intermediate results. The estimate is for llama.cpp v0.5.0 on one processor, or a graphics card beside it, with the defaults of its programs.\n\n");
        text.Append("- **Cache and states** are what llama.cpp allocates, to the byte. The rules are those of its source, architecture by architecture\n");
        text.Append("  (`ArchitectureMemory`): heads per layer, latent attention, sliding windows by a period or a pattern, chunks, layers that share\n");
        text.Append("  a cache, attention in some layers alone, Mamba, RWKV, short convolutions, indexers of sparse attention, layers that draft\n");
        text.Append("  tokens, and encoders without a cache.\n");
        text.Append("- **Buffers** are what it reserves for one batch, within a tenth or 2 MiB for the models below; for other architectures they err\n");
        text.Append("  upwards. They grow with the context, since attention has a mask of all cached tokens for each token of the batch, and\n");
        text.Append("  without flash attention all scores as well. All logits of a batch are computed at its end, which takes most with a small\n");
        text.Append("  context and a large vocabulary.\n");
        text.Append("- **On a graphics card** (`-GpuMemory`), weights, cache and states are where llama.cpp places them, layer by layer. Buffers are on the\n");
        text.Append("  card whatever its layers, since it copies the host's weights for a batch. The holes that these copies leave are estimated: the sum is at most a tenth too low.\n");
        text.Append("- **An architecture that v0.5.0 does not know** is counted with full attention in all layers, and the estimate says so.\n\n");
        text.Append($"`ReferenceMemoryTests` proves it: the library loads a small model of each of {TinyArchitecture.All.Count} architectures and logs what it would allocate,\n");
        text.Append($"with {string.Join(", ", s_contexts.Select(Number))} tokens, with several sequences, with a small batch and without flash attention. What it cannot load\n");
        text.Append("alone is not compared: draft heads (EAGLE 3, DFlash, Gemma 4's assistant), Chameleon, PLM, Granite Switch and Pocket TTS.\n\n");
        text.Append("`ReferencePlacementTests` proves the division: the library places each of these models on a device of the test's own, which can neither\n");
        text.Append("allocate nor compute, but otherwise decides as CUDA's does, with none, one, half and all of the layers, and with experts on the host. What it\n");
        text.Append("then counts for each device is compared: weights, cache and states to the padding of each tensor. A real card's driver takes\n");
        text.Append("some hundred MiB more, and its kernels some scratch space, for which `-GpuMemory` leaves a tenth, and at most 1 GiB, free.\n\n");
        text.Append("## Buffers of common models\n\n");
        text.Append($"In MiB, {Layers} layers of each model's dimensions and a small vocabulary: estimated, and in parentheses what the library reserves.\n\n");
        text.Append($"| model | architecture | {string.Join(" | ", s_contexts.Select(Number))} | {Number(s_contexts[0])} without flash attention |\n|---|---|--:|--:|--:|--:|\n");
        foreach ((string name, (string architecture, Dictionary<string, object> keys)) in CommonModels.All)
        {
            using TinyModel model = new(new(architecture, layers: Layers, with: keys));
            ModelShape shape = ModelShape.Read(model.File);
            IEnumerable<MemoryOptions> runs = [.. s_contexts.Select(context => new MemoryOptions { ContextLength = context }), new() { ContextLength = s_contexts[0], FlashAttention = false }];
            text.Append($"| {name} | {architecture} | {string.Join(" | ", runs.Select(run => Cell(model, shape, run)))} |\n");
        }
        text.Append("\n## Buffers on a card\n\n");
        text.Append($"In MiB on the card, for the same models in F16, with half of the layers on the card or all of them, and with all experts on the host:\n");
        text.Append("estimated, and in parentheses what the library reserves. Files of 4 bits copy a quarter of these weights.\n\n");
        text.Append($"| model | half, {Number(s_contexts[0])} | half, {Number(s_contexts[1])} | all, {Number(s_contexts[0])} | all, {Number(s_contexts[1])} | experts, {Number(s_contexts[0])} | experts, {Number(s_contexts[1])} |\n|---|--:|--:|--:|--:|--:|--:|\n");
        foreach ((string name, (string architecture, Dictionary<string, object> keys)) in CommonModels.All)
        {
            using TinyModel model = new(new(architecture, layers: Layers, with: keys));
            ModelShape shape = ModelShape.Read(model.File);
            ModelWeights weights = ModelWeights.Of(model.File, shape);
            IEnumerable<(int Layers, int Experts)> divisions = [((shape.Layers / 2) + 1, 0), (shape.Layers + 1, 0), .. weights.Experts > 0 ? [(shape.Layers + 1, shape.Layers)] : Array.Empty<(int, int)>()];
            IEnumerable<string> cells = divisions.SelectMany(division => s_contexts[..2].Select(context => CardCell(model, shape, weights, division, context)));
            text.Append($"| {name} | {string.Join(" | ", weights.Experts > 0 ? cells : [.. cells, "", ""])} |\n");
        }
        text.Append($"\nThis document is written by `MemoryTableTests` with `{Update}=1`, which fails when it is out of date.\n");
        return text.ToString();
    }

    private static string Cell(TinyModel model, ModelShape shape, MemoryOptions run)
    {
        ReferenceAllocation expected = model.Reference.Allocate((int)run.ContextLength!.Value, flashAttention: run.FlashAttention);
        return string.Create(CultureInfo.InvariantCulture, $"{MemoryEstimate.Of(0, shape, run).Compute / MiB:N0} ({expected.Compute / MiB:N0})");
    }

    private static string CardCell(TinyModel model, ModelShape shape, ModelWeights weights, (int Layers, int Experts) division, int context)
    {
        using ReferenceMemory reference = ReferenceMemory.LoadWithCard(model.File.Path, division.Layers, division.Experts);
        long expected = reference.Place(context).Card.Compute;
        long actual = new LayerOffload(weights, shape, ContextPlan.Of(shape, new() { ContextLength = context })).Place(division.Layers, division.Experts).Gpu.Compute;
        return string.Create(CultureInfo.InvariantCulture, $"{actual / MiB:N0} ({expected / MiB:N0})");
    }

    private static string Number(int value) => value.ToString("N0", CultureInfo.InvariantCulture);
}

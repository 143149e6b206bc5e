using GgufQuant.IO;

namespace GgufQuant.Models;

/// <summary>The assumptions of a memory estimate, as sentences.</summary>
internal static class MemoryAssumptions
{
    internal static IReadOnlyList<string> Of(ModelShape shape, ContextPlan plan)
    {
        if (shape.IsVocabulary)
            return ["The file contains a vocabulary without weights: there is nothing to run."];
        MemoryOptions options = plan.Options;
        ArchitectureMemory rules = ArchitectureMemory.Of(shape.Architecture);
        string types = options.KeyType == options.ValueType ? $"{options.KeyType}" : $"{options.KeyType} (keys) and {options.ValueType} (values)";
        List<string> assumptions =
        [
            "All weights are in memory.",
            rules.HasCache
                ? $"The key-value cache has room for {plan.ContextLength:N0} tokens in {types}."
                : "The model evaluates whole texts at once, without a cache.",
            $"The buffers are for batches of {options.BatchSize} tokens {(options.FlashAttention ? "with" : "without")} flash attention.",
            options.Parallel == 1
                ? "One sequence at a time; the operating system and the program itself are not counted."
                : $"{options.Parallel} sequences share the context; the operating system and the program itself are not counted.",
        ];
        if (shape.SlidingWindow > 0 && rules.HasCache)
            assumptions.Add($"Layers with a sliding window keep {plan.CellsWithin(shape.SlidingWindow):N0} tokens.");
        if (shape.DraftLayers > 0)
            assumptions.Add($"Layers that draft tokens are not loaded{(rules.CachesDraftLayers ? ", but they have a cache" : ": they take neither weights nor cache")}.");
        if (DraftHead.Is(shape.Architecture))
            assumptions.Add("It drafts tokens for another model, without which it does not run: that model's memory is not counted.");
        if (!options.FlashAttention && options.ValueType is not (CacheType.F16 or CacheType.F32 or CacheType.BF16))
            assumptions.Add("llama.cpp quantizes cached values only with flash attention.");
        if (shape.Layers == 0 || shape.EmbeddingLength == 0)
            assumptions.Add("The file does not state the model's dimensions: only the weights are counted.");
        else if (!rules.IsKnown)
            assumptions.Add($"llama.cpp v0.5.0 does not know the architecture '{shape.Architecture}': all layers are counted with full attention.");
        return assumptions;
    }

    /// <summary>What speculative decoding with the model's own layers would take in addition.</summary>
    internal static IEnumerable<string> OfDraft(ModelWeights weights)
    {
        if (weights.Draft > 0 && weights.Layers.All(layer => layer == default))
            yield return $"The file has no layers but these, {NumberText.Size(weights.Draft)}, and does not run without another model, whose memory is not counted.";
        else if (weights.Draft > 0)
            yield return $"Speculative decoding with them takes another {NumberText.Size(weights.Draft)} of weights and a second context, whose cache and buffers can be as large as the first's.";
    }

    /// <summary>The assumptions of a division between GPU and host, and what would put more on the GPU.</summary>
    internal static IEnumerable<string> Of(GpuPlacement placement, ModelWeights weights, MemoryOptions options)
    {
        yield return $"{NumberText.Size(placement.Reserve)} of the card's {NumberText.Size(placement.GpuMemory)} stay free for its driver and other programs.";
        yield return "The token embeddings stay on the host, and the buffers of large batches are on the card whatever its layers.";
        if (weights.TiedOutput > 0 && placement.GpuLayers > 0)
            yield return "The card has a copy of the token embeddings, which are the output too.";
        if (options.CpuMoe && weights.Experts == 0)
            yield return "The model has no experts that could stay on the host.";
        if (!placement.Fits)
            yield return $"Even without layers the card would need {NumberText.Size(placement.Gpu.Total)} for its buffers: a smaller batch or a shorter context needs less.";
        else if (placement is { IsWhole: false } && options is { CpuMoe: false })
            yield return "With less context, a quantized cache or a smaller type, more of the model is on the card.";
    }
}

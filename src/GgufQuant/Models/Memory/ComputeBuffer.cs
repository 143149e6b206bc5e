using System.Collections.Frozen;

namespace GgufQuant.Models;

/// <summary>The size of the compute buffers, which hold intermediate results.</summary>
/// <remarks>
/// llama.cpp builds the graph of a full batch and lets <c>ggml_gallocr</c> place its tensors, so that results reuse freed memory.
/// Live memory peaks at one of a few points: in attention, in a dense or MoE feed-forward layer, in a recurrence, or at the
/// logits. The coefficients include the gaps that this placement leaves; for less common architectures they err on the high side.
/// </remarks>
internal sealed class ComputeBuffer
{
    // Positions, token ids and similar inputs.
    private const long SmallInputs = 64 * 1024;

    // Recurrences computed in chunks pad the last one.
    private const long LeastRecurrence = 64;

    // For these, the coefficients match the dimensions of real models closely.
    private static readonly FrozenSet<string> s_common = FrozenSet.Create(
        StringComparer.Ordinal,
        "llama", "mistral3", "granite", "qwen2", "qwen3", "qwen3moe", "qwen35", "qwen35moe", "gemma2", "gemma3", "gemma4", "phi3", "gpt-oss",
        "deepseek2", "glm4", "glm4moe");

    private readonly ModelShape _shape;
    private readonly ContextPlan _plan;
    private readonly ArchitectureMemory _rules;
    private readonly LayerShape _widest;

    private readonly Int128 _masks;
    private readonly Int128 _attention;
    private readonly Int128 _others;
    private readonly Int128 _rest;
    private readonly Int128 _logits;

    internal ComputeBuffer(ModelShape shape, ContextPlan plan)
    {
        _shape = shape;
        _plan = plan;
        _rules = ArchitectureMemory.Of(shape.Architecture);
        _widest = new()
        {
            Heads = Most(layer => layer.Heads),
            KeyValueHeads = Most(layer => layer.KeyValueHeads),
            KeyLength = Most(layer => layer.KeyLength),
            ValueLength = Most(layer => layer.ValueLength),
            FeedForwardLength = Most(layer => layer.FeedForwardLength),
            IndexerKeyLength = Most(layer => layer.IndexerKeyLength),
        };
        _masks = Masks;
        _attention = Scores + ConvertedCache + Upwards(Attention * PerToken);
        _others = Int128.Max(Upwards(Int128.Max(FeedForward, Experts) * PerToken), Upwards(Recurrence * Math.Max(plan.Batch, LeastRecurrence) * sizeof(float)));
        _rest = Indexers + CrossAttention + States + (PerLayerInputs * PerToken);
        _logits = _rules.HasLogits ? (shape.VocabularySize + (2 * Embedding)) * PerToken : 0;
    }

    private Int128 Embedding => _shape.EmbeddingLength;

    private Int128 Query => (Int128)_widest.Heads * (_shape.LatentKeyLength > 0 ? _shape.LatentKeyLength : _widest.KeyLength);

    private Int128 Key => (Int128)_widest.KeyValueHeads * _widest.KeyLength;

    private bool FlashAttention => _plan.Options.FlashAttention && !_rules.LacksFlashAttention;

    /// <summary>Bytes that llama.cpp reserves for evaluating one batch.</summary>
    internal static Int128 BytesOf(ModelShape shape, ContextPlan plan) => new ComputeBuffer(shape, plan).Bytes();

    /// <summary>Bytes on the host if a GPU evaluates the graph: the inputs, and what goes into the host's cache.</summary>
    /// <param name="hasLayers">Whether the host has layers.</param>
    internal Int128 HostBytes(bool hasLayers)
    {
        Int128 cached = (hasLayers || !FlashAttention ? 2 * Key : 0) + (hasLayers ? _shape.RecurrentWidth : 0) + (_rules.CapsScores && !FlashAttention ? Query : 0);
        return (FlashAttention ? _masks : 2 * _masks) + (((3 * Embedding) + cached) * PerToken) + SmallInputs;
    }

    /// <summary>Bytes of the buffer, including copies of what the host has if a GPU evaluates the graph.</summary>
    /// <param name="weight">Bytes of the largest tensor of a layer on the host.</param>
    /// <param name="cache">Bytes of the cache of a layer on the host.</param>
    /// <param name="output">Bytes of the output tensor if it is on the host.</param>
    /// <remarks>Copies leave gaps that others do not fit into.</remarks>
    internal Int128 Bytes(Int128 weight = default, Int128 cache = default, Int128 output = default)
    {
        Int128 attention = _attention + (cache * 3 / 2) + (Alternates && !FlashAttention ? weight : 0);
        Int128 others = _others + weight + (Alternates || _shape.LatentRank > 0 ? cache : cache / 2);
        return Int128.Max(_masks + Int128.Max(attention, others) + _rest, _logits + output) + (_shape.EmbeddingLength > 0 ? SmallInputs : 0);
    }

    /// <summary>Whether attention and recurrences alternate, which leaves more gaps.</summary>
    internal bool Alternates => _rules.States != StateLayers.None;

    private Int128 Upwards(Int128 bytes) => IsCommon ? bytes : bytes + (bytes / 4) + (2 * Embedding * PerToken);

    private bool IsCommon => s_common.Contains(_shape.Architecture);

    // All results are 32-bit floats.
    private Int128 PerToken => (Int128)_plan.Batch * sizeof(float);

    private Int128 Attention
    {
        get
        {
            if (_shape.LatentKeyLength > 0)
                return (4 * Embedding) + ((Int128)_widest.Heads * (_widest.KeyLength + _shape.LatentKeyLength + _shape.LatentRank + _shape.LatentValueLength));
            // Capped scores keep the queries alive, and gated attention has a gate of the same width.
            int queries = !FlashAttention && (_rules.CapsScores || _rules.State == StateKind.DeltaNet) ? 3 : 2;
            return (3 * Embedding) + (queries * Query) + (2 * Key) + (FlashAttention ? 0 : SmallerEmbedding);
        }
    }

    private Int128 FeedForward
    {
        get
        {
            Int128 width = Math.Max(_widest.FeedForwardLength, _shape.SharedExpertLength);
            return _rules.States == StateLayers.None
                ? (3 * Embedding) + Query + SmallerEmbedding + (3 * width)
                : (3 * Embedding) + (3 * width);
        }
    }

    // If queries are narrower than the embeddings, their space cannot be reused for these.
    private Int128 SmallerEmbedding => Query < Embedding ? Embedding : 0;

    // The experts' outputs reuse the space of their inputs if they fit.
    private Int128 Experts
    {
        get
        {
            if (_shape.Experts == 0)
                return 0;
            Int128 inner = (Int128)_shape.ExpertsUsed * (_shape.ExpertLength > 0 ? _shape.ExpertLength : _widest.FeedForwardLength);
            Int128 outputs = _shape.ExpertsUsed * Embedding;
            Int128 before = (3 * Embedding) + Query;
            return 2 * inner >= outputs ? before + (3 * inner)
                : 3 * inner >= outputs ? before + (3 * inner) + outputs
                : (3 * Embedding) + (2 * outputs);
        }
    }

    private Int128 Recurrence => _rules.State switch
    {
        StateKind.StateSpace or StateKind.Ungrouped or StateKind.DeltaNet or StateKind.KimiDelta or StateKind.Lightning =>
            (3 * Embedding) + (2 * (Int128)_shape.RecurrentWidth) + (2 * (Int128)_shape.RecurrentInner),
        StateKind.Rwkv => 16 * Embedding,
        StateKind.Convolution => 7 * Embedding,
        _ => 0,
    };

    private Int128 WholeCells => _rules.AttendsWithinBatch ? _plan.Batch
        : _shape.LayerShapes.Any(layer => layer.HasCache && !layer.HasWindow) ? _plan.Cells : 0;

    private Int128 WindowCells => !_rules.AttendsWithinBatch && _shape.LayerShapes.Any(layer => layer.HasCache && layer.HasWindow)
        ? _plan.CellsWithin(_shape.SlidingWindow) : 0;

    // Per pair of cached token and batch token: half precision with flash attention.
    private Int128 Masks => (WholeCells + WindowCells) * _plan.Batch * (FlashAttention ? 2 : sizeof(float));

    // Flash attention never stores the scores of all tokens.
    private Int128 Scores => FlashAttention ? 0 : Int128.Max(WholeCells, WindowCells) * PerToken * _widest.Heads * _rules.ScoreCopies;

    // Flash attention needs half precision, and attention without it needs values in a layout that the latent does not have.
    private Int128 ConvertedCache
    {
        get
        {
            Int128 width = (FlashAttention && _plan.Options.KeyType == CacheType.F32 ? Key : 0)
                + (FlashAttention && _plan.Options.ValueType == CacheType.F32 ? (Int128)_widest.KeyValueHeads * _widest.ValueLength : 0)
                + (FlashAttention ? 0 : _shape.LatentRank);
            return Int128.Max(WholeCells, WindowCells) * _plan.Sequences * width * 2;
        }
    }

    // The states of a batch's sequences, old and new.
    private Int128 States => _plan.Sequences == 1 ? 0 : 2 * (Int128)_shape.RecurrentState * _plan.Sequences * sizeof(float);

    // Gemma's embeddings of each token for each layer.
    private Int128 PerLayerInputs => (Int128)_rules.PerLayerInputCopies * _shape.PerLayerInputLength * _shape.Layers;

    // An indexer scores all cached tokens, and builds a mask of those that it selects.
    private Int128 Indexers => _widest.IndexerKeyLength == 0 ? 0
        : (_plan.Cells * (Int128)_plan.Batch * _rules.IndexerBytes) + (2 * PerToken * _widest.IndexerKeyLength * Math.Max(1, _shape.IndexerHeads));

    // The decoder attends to as many encoder tokens as the model was trained for.
    private Int128 CrossAttention => !_rules.HasEncoder ? 0
        : (_shape.ContextLength ?? 0) * (Int128)sizeof(float) * ((_plan.Batch * (Int128)_widest.Heads * (_plan.Options.FlashAttention ? 1 : 2)) + (3 * Embedding));

    private long Most(Func<LayerShape, long> dimension) => _shape.LayerShapes.Select(dimension).DefaultIfEmpty().Max();
}

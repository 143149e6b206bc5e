namespace GgufQuant.Models;

/// <summary>The cells and tokens that llama.cpp makes of the options.</summary>
/// <remarks>The constructor of <c>llama_context</c>.</remarks>
internal sealed record ContextPlan
{
    // llama.cpp rounds contexts up to a multiple of this many tokens.
    private const long Granularity = 256;

    // The logical batch, n_batch, unless the physical one is larger.
    private const long LogicalBatch = 2048;

    private ContextPlan(long contextLength, MemoryOptions options)
    {
        ContextLength = contextLength;
        Sequences = options.Parallel;
        Batch = Math.Min(options.BatchSize, Math.Min(contextLength, Math.Max(LogicalBatch, options.BatchSize)));
        Cells = Padded(Padded(contextLength) / Sequences);
        Options = options;
    }

    /// <summary>The options.</summary>
    internal MemoryOptions Options { get; }

    /// <summary>Tokens of context asked for.</summary>
    internal long ContextLength { get; }

    /// <summary>Sequences, each with cells of its own.</summary>
    internal int Sequences { get; }

    /// <summary>Tokens evaluated at once.</summary>
    internal long Batch { get; }

    /// <summary>Tokens that the cache of one sequence has room for.</summary>
    internal long Cells { get; }

    /// <summary>What llama.cpp makes of the options for a model.</summary>
    internal static ContextPlan Of(ModelShape shape, MemoryOptions options) => new(
        Math.Max(1, options.ContextLength ?? Math.Min(MemoryEstimate.DefaultContextLength, shape.ContextLength ?? MemoryEstimate.DefaultContextLength)), options);

    /// <summary>Tokens that one sequence's cache has room for in layers with a window.</summary>
    /// <remarks><c>llama_kv_cache_iswa</c>, which keeps a batch beside the window.</remarks>
    internal long CellsWithin(long window) => Padded(Math.Min(Cells, window + Batch));

    /// <summary>Tokens that one sequence's cache has room for where some tokens share a key.</summary>
    /// <remarks><c>llama_kv_cache_dsv4</c>.</remarks>
    internal long CompressedCells(long ratio) => Padded(Math.Max(1, (Cells + ratio - 1) / ratio));

    private static long Padded(long tokens) => Math.Max(1, (tokens + Granularity - 1) / Granularity) * Granularity;
}

namespace GgufQuant.Models;

/// <summary>The cells and tokens that llama.cpp derives from the options.</summary>
/// <remarks>The constructor of <c>llama_context</c>.</remarks>
internal sealed record ContextPlan
{
    // llama.cpp rounds contexts up to a multiple of this many tokens.
    private const long Granularity = 256;

    // The logical batch size, n_batch, unless the physical one is larger.
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

    /// <summary>The requested context in tokens.</summary>
    internal long ContextLength { get; }

    /// <summary>The number of sequences, each with separate cells.</summary>
    internal int Sequences { get; }

    /// <summary>Tokens evaluated at once.</summary>
    internal long Batch { get; }

    /// <summary>The number of tokens that fit in one sequence's cache.</summary>
    internal long Cells { get; }

    /// <summary>What llama.cpp derives from the options for a model.</summary>
    internal static ContextPlan Of(ModelShape shape, MemoryOptions options) => new(
        Math.Max(1, options.ContextLength ?? Math.Min(MemoryEstimate.DefaultContextLength, shape.ContextLength ?? MemoryEstimate.DefaultContextLength)), options);

    /// <summary>The number of tokens that fit in one sequence's cache in layers with a sliding window.</summary>
    /// <remarks><c>llama_kv_cache_iswa</c>, which keeps a batch in addition to the window.</remarks>
    internal long CellsWithin(long window) => Padded(Math.Min(Cells, window + Batch));

    /// <summary>The number of tokens that fit in one sequence's cache if tokens share keys.</summary>
    /// <remarks><c>llama_kv_cache_dsv4</c>.</remarks>
    internal long CompressedCells(long ratio) => Padded(Math.Max(1, (Cells + ratio - 1) / ratio));

    private static long Padded(long tokens) => Math.Max(1, (tokens + Granularity - 1) / Granularity) * Granularity;
}

namespace GgufQuant.Models;

/// <summary>The memory that llama.cpp needs to run a model, estimated from the header.</summary>
/// <remarks>Cache, state and compute buffers are those that llama.cpp v0.5.0 allocates before the first token.</remarks>
public sealed record MemoryEstimate
{
    /// <summary>The context assumed if none is given and the model was trained for at least this much.</summary>
    public const int DefaultContextLength = 4096;

    /// <summary>Bytes of all tensors that are loaded.</summary>
    public required long Weights { get; init; }

    /// <summary>Bytes of the key-value cache.</summary>
    public required long Cache { get; init; }

    /// <summary>Bytes of the recurrent states.</summary>
    public required long State { get; init; }

    /// <summary>Bytes of the compute buffers.</summary>
    public required long Compute { get; init; }

    /// <summary>The context in tokens, for all sequences together.</summary>
    public required long ContextLength { get; init; }

    /// <summary>The type of the cached keys.</summary>
    public required CacheType CacheType { get; init; }

    /// <summary>The type of the cached values.</summary>
    public required CacheType ValueCacheType { get; init; }

    /// <summary>The number of tokens evaluated at once.</summary>
    public required int BatchSize { get; init; }

    /// <summary>The number of sequences that share the context.</summary>
    public required int Parallel { get; init; }

    /// <summary>Whether flash attention is on.</summary>
    public required bool FlashAttention { get; init; }

    /// <summary>The estimate's assumptions, one sentence each.</summary>
    public required IReadOnlyList<string> Assumptions { get; init; }

    /// <summary>Total bytes.</summary>
    public long Total => Bounded((Int128)Weights + Cache + State + Compute);

    /// <summary>The division between GPU and host; null if the model runs only on the processor.</summary>
    public GpuPlacement? Placement { get; init; }

    /// <summary>Estimates the memory for a model of a given shape on the processor.</summary>
    /// <param name="weights">Bytes of all tensors.</param>
    /// <param name="shape">The model's dimensions.</param>
    /// <param name="options">How it is run; null for the defaults.</param>
    /// <exception cref="ArgumentException">The options have a GPU, and a sum of bytes cannot be divided.</exception>
    public static MemoryEstimate Of(long weights, ModelShape shape, MemoryOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        options ??= MemoryOptions.Default;
        if (options.GpuMemory is not null)
            throw new ArgumentException("The sum of all tensors cannot be divided between a GPU and the host.", nameof(options));
        return Of(weights, shape, PlanFor(shape, options));
    }

    /// <summary>Estimates the memory for a model, and divides it if the options have a GPU.</summary>
    /// <param name="weights">The model's tensors.</param>
    /// <param name="shape">The model's dimensions.</param>
    /// <param name="options">How it is run; null for the defaults.</param>
    public static MemoryEstimate Of(ModelWeights weights, ModelShape shape, MemoryOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(shape);
        options ??= MemoryOptions.Default;
        if (options.GpuMemory is not long gpuMemory || shape.IsVocabulary)
        {
            MemoryEstimate whole = Of(weights.Total, shape, options with { GpuMemory = null });
            return whole with { Assumptions = [.. whole.Assumptions, .. MemoryAssumptions.OfDraft(weights)] };
        }
        ContextPlan plan = PlanFor(shape, options);
        GpuPlacement placement = new LayerOffload(weights, shape, plan).Divide(gpuMemory, options.GpuReserve ?? GpuPlacement.DefaultReserve(gpuMemory), options.CpuMoe);
        return Of(0, shape, plan) with
        {
            Weights = Bounded((Int128)placement.Gpu.Weights + placement.Host.Weights),
            Compute = Bounded((Int128)placement.Gpu.Compute + placement.Host.Compute),
            Placement = placement,
            Assumptions = [.. MemoryAssumptions.Of(shape, plan), .. MemoryAssumptions.OfDraft(weights), .. MemoryAssumptions.Of(placement, weights, options)],
        };
    }

    private static ContextPlan PlanFor(ModelShape shape, MemoryOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Parallel, 1);
        return ContextPlan.Of(shape, options);
    }

    private static MemoryEstimate Of(long weights, ModelShape shape, ContextPlan plan)
    {
        bool runs = !shape.IsVocabulary;
        MemoryOptions options = plan.Options;
        return new()
        {
            Weights = weights,
            Cache = runs ? Sum(KeyValueCache.BytesOf(shape, plan)) : 0,
            State = runs ? Sum(RecurrentState.BytesOf(shape, plan)) : 0,
            Compute = runs ? Bounded(ComputeBuffer.BytesOf(shape, plan)) : 0,
            ContextLength = plan.ContextLength,
            CacheType = options.KeyType,
            ValueCacheType = options.ValueType,
            BatchSize = options.BatchSize,
            Parallel = options.Parallel,
            FlashAttention = options.FlashAttention,
            Assumptions = MemoryAssumptions.Of(shape, plan),
        };
    }

    private static long Sum(IEnumerable<Int128> layers) => Bounded(layers.Aggregate((Int128)0, (sum, bytes) => sum + bytes));

    private static long Bounded(Int128 bytes) => bytes > long.MaxValue ? long.MaxValue : (long)bytes;
}

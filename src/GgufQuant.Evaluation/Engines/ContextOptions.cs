namespace GgufQuant.Evaluation.Engines;

/// <summary>Options of a context.</summary>
public sealed record ContextOptions
{
    /// <summary>Maximum number of tokens it can hold.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Maximum tokens per evaluation; its logits take 4 bytes × vocabulary each.</summary>
    public int BatchSize { get; init; } = 512;

    /// <summary>Maximum number of sequences it can hold; they share <see cref="ContextLength"/>.</summary>
    public int Sequences { get; init; } = 1;

    /// <summary>Number of threads; 0 for one per processor.</summary>
    public int Threads { get; init; }

    /// <summary>Receives the inputs of matrix products; null for none.</summary>
    public IActivationObserver? Observer { get; init; }

    /// <summary>Called while the engine computes, whenever it asks whether to stop: often, and on any thread. It must be cheap and must not throw.</summary>
    public Action? Heartbeat { get; init; }

    /// <summary><see cref="Threads"/> with 0 resolved.</summary>
    public int EffectiveThreads => Threads > 0 ? Threads : Environment.ProcessorCount;
}

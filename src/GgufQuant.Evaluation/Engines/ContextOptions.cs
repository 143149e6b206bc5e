namespace GgufQuant.Evaluation.Engines;

/// <summary>How a context is made.</summary>
public sealed record ContextOptions
{
    /// <summary>Tokens it can hold.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Most tokens of one evaluation; its logits take 4 bytes × vocabulary each.</summary>
    public int BatchSize { get; init; } = 512;

    /// <summary>Threads that compute; 0 for one a processor.</summary>
    public int Threads { get; init; }

    /// <summary>Sees the inputs of matrix products; null for none.</summary>
    public IActivationObserver? Observer { get; init; }

    /// <summary>Called while the engine computes, whenever it asks whether to stop: often, on any thread. It must be cheap and must not throw.</summary>
    public Action? Heartbeat { get; init; }

    /// <summary><see cref="Threads"/> with 0 resolved.</summary>
    public int EffectiveThreads => Threads > 0 ? Threads : Environment.ProcessorCount;
}

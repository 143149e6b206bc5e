namespace GgufQuant.Evaluation.Perplexity;

/// <summary>How models are compared over a text.</summary>
public sealed record QualityOptions
{
    /// <summary>Tokens of a chunk; null for <see cref="CorpusChunks.DefaultContextLength"/>.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Most chunks; null for the whole text.</summary>
    public int? Chunks { get; init; }

    /// <summary>Threads; 0 for one a processor.</summary>
    public int Threads { get; init; }

    /// <summary>Layers to hold on a GPU; -1 for all.</summary>
    public int GpuLayers { get; init; } = -1;

    /// <summary>A file to keep the reference's logits in, so that it is evaluated once for all candidates; null to evaluate it beside each of them.</summary>
    /// <remarks>A file that exists is read, whoever wrote it; else it is written.</remarks>
    public string? LogitsFile { get; init; }

    /// <summary>Bytes of memory in which the reference's logits may be kept, so that several candidates evaluate it once.</summary>
    public long ReferenceMemory { get; init; } = 1L << 30;
}

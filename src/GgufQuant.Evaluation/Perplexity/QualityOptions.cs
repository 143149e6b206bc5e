namespace GgufQuant.Evaluation.Perplexity;

/// <summary>Options for comparing models over a text.</summary>
public sealed record QualityOptions
{
    /// <summary>Tokens per chunk; null for <see cref="CorpusChunks.DefaultContextLength"/>.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Maximum number of chunks; null for the whole text.</summary>
    public int? Chunks { get; init; }

    /// <summary>Chunks skipped at the start.</summary>
    public int SkipChunks { get; init; }

    /// <summary>Whether results keep each prediction, so that those of several ranges of chunks can be merged.</summary>
    public bool KeepRecords { get; init; }

    /// <summary>Number of threads; 0 for one per processor.</summary>
    public int Threads { get; init; }

    /// <summary>A file for the reference's logits, so that it is evaluated once for all candidates; null to evaluate it with each of them.</summary>
    /// <remarks>An existing file is read, whichever program wrote it; otherwise it is written.</remarks>
    public string? LogitsFile { get; init; }

    /// <summary>Bytes of memory for the reference's logits, so that it is evaluated once for several candidates.</summary>
    public long ReferenceMemory { get; init; } = 1L << 30;
}

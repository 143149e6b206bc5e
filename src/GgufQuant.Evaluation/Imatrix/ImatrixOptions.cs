using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Evaluation.Imatrix;

/// <summary>Options for collecting an importance matrix.</summary>
public sealed record ImatrixOptions
{
    /// <summary>Tokens per chunk; null for <see cref="CorpusChunks.DefaultContextLength"/>.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Maximum number of chunks; null for the whole text.</summary>
    public int? Chunks { get; init; }

    /// <summary>Chunks skipped at the start, for example those already collected.</summary>
    public int SkipChunks { get; init; }

    /// <summary>Whether <c>output.weight</c> gets an entry too; llama-imatrix advises against it.</summary>
    public bool IncludeOutput { get; init; }

    /// <summary>Whether special tokens written in the text are parsed as such.</summary>
    public bool ParseSpecial { get; init; }

    /// <summary>Number of threads; 0 for one per processor.</summary>
    public int Threads { get; init; }
}

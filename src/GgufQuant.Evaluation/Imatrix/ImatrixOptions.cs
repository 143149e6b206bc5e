using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Evaluation.Imatrix;

/// <summary>How an importance matrix is collected.</summary>
public sealed record ImatrixOptions
{
    /// <summary>Tokens of a chunk; null for <see cref="CorpusChunks.DefaultContextLength"/>.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Most chunks; null for the whole text.</summary>
    public int? Chunks { get; init; }

    /// <summary>Chunks left out at the beginning, for example those collected before.</summary>
    public int SkipChunks { get; init; }

    /// <summary>Whether <c>output.weight</c> gets an entry too; llama-imatrix advises against it.</summary>
    public bool IncludeOutput { get; init; }

    /// <summary>Whether special tokens written in the text are read as such.</summary>
    public bool ParseSpecial { get; init; }

    /// <summary>Threads; 0 for one a processor.</summary>
    public int Threads { get; init; }

    /// <summary>Layers to hold on a GPU; -1 for all.</summary>
    public int GpuLayers { get; init; } = -1;
}

using GgufQuant.Evaluation.Speed;
using GgufQuant.Evaluation.Tasks;
using GgufQuant.Models;

namespace GgufQuant.Evaluation.Comparison;

/// <summary>What a <see cref="ComparisonSession"/> measures.</summary>
public sealed record ComparisonOptions
{
    /// <summary>The text file for measuring predictions; null for none.</summary>
    public string? Corpus { get; init; }

    /// <summary>Maximum number of chunks of the text; null for all of it.</summary>
    public int? Chunks { get; init; }

    /// <summary>Chunks of the text skipped at the start.</summary>
    public int SkipChunks { get; init; }

    /// <summary>Whether the predictions are kept, to be merged with those of other chunks.</summary>
    public bool IsPart { get; init; }

    /// <summary>Whether weights are left unread.</summary>
    public bool SkipsWeights { get; init; }

    /// <summary>A file for the reference's logits; null for none.</summary>
    public string? LogitsFile { get; init; }

    /// <summary>Texts that each model continues.</summary>
    public IReadOnlyList<string> Prompts { get; init; } = [];

    /// <summary>Questions that each model is asked; null for none.</summary>
    public TaskData? Task { get; init; }

    /// <summary>What to measure the speed of each model over; null not to measure it.</summary>
    public SpeedOptions? Speed { get; init; }

    /// <summary>Tokens of each chunk; null for the default.</summary>
    public int? ContextLength { get; init; }

    /// <summary>How the models are run, to estimate memory for.</summary>
    public MemoryOptions Memory { get; init; } = MemoryOptions.Default;

    /// <summary>Threads; 0 for one per processor.</summary>
    public int Threads { get; init; }
}

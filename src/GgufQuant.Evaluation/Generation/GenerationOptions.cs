namespace GgufQuant.Evaluation.Generation;

/// <summary>How texts are generated.</summary>
public sealed record GenerationOptions
{
    /// <summary>Maximum tokens per continuation.</summary>
    public int MaximumTokens { get; init; } = 64;

    /// <summary>Number of threads; 0 for one per processor.</summary>
    public int Threads { get; init; }
}

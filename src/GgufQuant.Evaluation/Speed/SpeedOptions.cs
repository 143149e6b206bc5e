namespace GgufQuant.Evaluation.Speed;

/// <summary>The settings of a speed test; the defaults are llama-bench's.</summary>
public sealed record SpeedOptions
{
    /// <summary>Tokens of the prompt; 0 to skip it.</summary>
    public int PromptTokens { get; init; } = 512;

    /// <summary>Tokens to generate; 0 to skip generation.</summary>
    public int GeneratedTokens { get; init; } = 128;

    /// <summary>The number of repetitions of each test.</summary>
    public int Repetitions { get; init; } = 5;

    /// <summary>Number of threads; 0 for one per processor.</summary>
    public int Threads { get; init; }
}

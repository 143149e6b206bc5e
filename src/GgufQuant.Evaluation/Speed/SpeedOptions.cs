namespace GgufQuant.Evaluation.Speed;

/// <summary>What a speed is measured over; the defaults are llama-bench's.</summary>
public sealed record SpeedOptions
{
    /// <summary>Tokens of the prompt; 0 to leave it out.</summary>
    public int PromptTokens { get; init; } = 512;

    /// <summary>Tokens to generate; 0 to leave it out.</summary>
    public int GeneratedTokens { get; init; } = 128;

    /// <summary>How often each is measured.</summary>
    public int Repetitions { get; init; } = 5;

    /// <summary>Number of threads; 0 for one per processor.</summary>
    public int Threads { get; init; }
}

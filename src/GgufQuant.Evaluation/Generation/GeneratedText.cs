namespace GgufQuant.Evaluation.Generation;

/// <summary>A model's greedy continuation of a prompt.</summary>
public sealed record GeneratedText
{
    /// <summary>The continuation, without the prompt.</summary>
    public required string Text { get; init; }

    /// <summary>Its tokens, without the end token.</summary>
    public required IReadOnlyList<int> Tokens { get; init; }

    /// <summary>Whether the model itself ended it.</summary>
    public required bool Ended { get; init; }

    /// <summary>Signs of repetition.</summary>
    public required Repetition Repetition { get; init; }

    /// <summary>Number of tokens in the prompt.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Prompt tokens evaluated per second.</summary>
    public required double PromptTokensPerSecond { get; init; }

    /// <summary>Tokens generated per second; 0 if there was at most one.</summary>
    public required double TokensPerSecond { get; init; }
}

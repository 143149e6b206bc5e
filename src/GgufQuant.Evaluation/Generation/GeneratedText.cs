namespace GgufQuant.Evaluation.Generation;

/// <summary>A model's greedy continuation of a prompt.</summary>
public sealed record GeneratedText
{
    /// <summary>The continuation, without the prompt.</summary>
    public required string Text { get; init; }

    /// <summary>Its tokens, without the one that ended it.</summary>
    public required IReadOnlyList<int> Tokens { get; init; }

    /// <summary>Whether the model ended it by itself.</summary>
    public required bool Ended { get; init; }

    /// <summary>Signs of repetition.</summary>
    public required Repetition Repetition { get; init; }

    /// <summary>Tokens of the prompt.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Prompt tokens evaluated a second.</summary>
    public required double PromptTokensPerSecond { get; init; }

    /// <summary>Tokens generated a second; 0 if there was at most one.</summary>
    public required double TokensPerSecond { get; init; }
}

namespace GgufQuant.Evaluation.Generation;

/// <summary>A reference's and a candidate's continuation of the same prompt.</summary>
public sealed record GenerationComparison
{
    /// <summary>The prompt.</summary>
    public required string Prompt { get; init; }

    /// <summary>The reference's continuation.</summary>
    public required GeneratedText Reference { get; init; }

    /// <summary>The candidate's continuation.</summary>
    public required GeneratedText Candidate { get; init; }

    /// <summary>Number of leading tokens on which both agree.</summary>
    public required int AgreeingTokens { get; init; }

    /// <summary>The text of these tokens.</summary>
    public required string AgreeingText { get; init; }

    /// <summary>Whether the two continuations are identical.</summary>
    public bool IsIdentical =>
        AgreeingTokens == Reference.Tokens.Count && AgreeingTokens == Candidate.Tokens.Count && Reference.Ended == Candidate.Ended;

    /// <summary>Whether the candidate loops and the reference does not.</summary>
    public bool IsDegenerate => Candidate.Repetition.IsLooping && !Reference.Repetition.IsLooping;
}

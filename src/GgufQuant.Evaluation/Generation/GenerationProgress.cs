namespace GgufQuant.Evaluation.Generation;

/// <summary>How far a model has come with continuing prompts.</summary>
/// <param name="Prompt">The prompt's number, from 1.</param>
/// <param name="Prompts">Prompts in all.</param>
/// <param name="Token">Tokens of its continuation so far.</param>
/// <param name="MaximumTokens">Most tokens of a continuation.</param>
public sealed record GenerationProgress(int Prompt, int Prompts, int Token, int MaximumTokens)
{
    /// <summary>Share of the work that is done, 0 to 1; a continuation may end early.</summary>
    public double Share => (Prompt - 1 + ((double)Token / MaximumTokens)) / Prompts;
}

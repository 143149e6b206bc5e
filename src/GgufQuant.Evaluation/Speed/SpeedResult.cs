namespace GgufQuant.Evaluation.Speed;

/// <summary>A model's speeds.</summary>
/// <param name="PromptTokens">Tokens of the prompt: fewer than requested if the model was trained with a shorter context.</param>
/// <param name="PromptSamples">Prompt tokens evaluated per second, of each repetition.</param>
/// <param name="GeneratedTokens">Tokens generated, with the same limit.</param>
/// <param name="GenerationSamples">Tokens generated per second, of each repetition.</param>
public sealed record SpeedResult(
    int PromptTokens, IReadOnlyList<double> PromptSamples, int GeneratedTokens, IReadOnlyList<double> GenerationSamples)
{
    /// <summary>The mean and the sample standard deviation, as llama-bench prints them; null without samples.</summary>
    public static (double Mean, double Deviation)? Summarize(IReadOnlyList<double> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        if (samples.Count == 0)
            return null;
        double mean = samples.Average();
        double squares = samples.Sum(sample => (sample - mean) * (sample - mean));
        return (mean, samples.Count > 1 ? Math.Sqrt(squares / (samples.Count - 1)) : 0);
    }
}

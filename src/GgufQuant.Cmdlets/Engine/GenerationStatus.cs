using System.Globalization;
using GgufQuant.Evaluation.Generation;

namespace GgufQuant.Commands;

/// <summary>Turns the progress of continuing prompts into what the user sees.</summary>
internal sealed class GenerationStatus(IProgress<WorkProgress> progress) : IProgress<GenerationProgress>
{
    public void Report(GenerationProgress value)
    {
        string status = string.Create(
            CultureInfo.InvariantCulture, $"Prompt {value.Prompt} of {value.Prompts}, token {value.Token} of {value.MaximumTokens}");
        progress.Report(new(status, value.Share, Remaining: null));
    }
}

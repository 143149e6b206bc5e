using System.Globalization;
using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Commands;

/// <summary>Turns the progress of an evaluation into what the user sees.</summary>
internal sealed class EvaluationStatus(IProgress<WorkProgress> progress) : IProgress<EvaluationProgress>
{
    public void Report(EvaluationProgress value)
    {
        string status = string.Create(CultureInfo.InvariantCulture, $"Chunk {value.Chunk} of {value.Chunks}, perplexity {value.Perplexity:0.00}");
        progress.Report(new(status, (double)value.Chunk / value.Chunks, value.Chunk > 0 ? value.Remaining : null));
    }
}

using GgufQuant.Comparison;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Evaluation.Speed;
using GgufQuant.Evaluation.Tasks;
using GgufQuant.Models;

namespace GgufQuant.Evaluation.Comparison;

/// <summary>The measurements of one model.</summary>
/// <param name="Reference">The model it was compared with.</param>
/// <param name="Model">The model.</param>
/// <param name="Weights">The error of its weights; null for the reference itself, and if they were left unread.</param>
public sealed record ComparedModel(ModelInfo Reference, ModelInfo Model, ModelError? Weights)
{
    /// <summary>Perplexity over the text; null if it was not measured.</summary>
    public MeanEstimate? Perplexity { get; init; }

    /// <summary>Its predictions compared with the reference's; null for the reference itself, and if not measured.</summary>
    public KlDivergenceResult? Predictions { get; init; }

    /// <summary>What it has in common with the other parts of the measurement; null unless it is a part, and for the reference itself.</summary>
    public MeasuredPart? Part { get; init; }

    /// <summary>Its continuations compared with the reference's; empty without prompts.</summary>
    public IReadOnlyList<GenerationComparison> Generations { get; init; } = [];

    /// <summary>Its answers to the questions; null if there are none.</summary>
    public TaskResult? Task { get; init; }

    /// <summary>How fast it is; null if it was not measured.</summary>
    public SpeedResult? Speed { get; init; }

    /// <summary>Its answers compared with the reference's; null for the reference itself, and if there are no questions.</summary>
    public TaskComparison? TaskComparison { get; init; }
}

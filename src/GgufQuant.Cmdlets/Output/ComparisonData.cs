using System.Text.Json.Serialization;
using GgufQuant.Comparison;
using GgufQuant.Evaluation.Comparison;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>What a row of Compare-Quant holds: everything needed to rebuild it in another session.</summary>
internal sealed record ComparisonData(
    string Path, string Reference, FileType? FileType, long Size, long ReferenceSize, double BitsPerWeight, MemoryEstimate Memory, ModelError? Error)
{
    /// <summary>Whether the row is about the reference itself.</summary>
    public bool IsReference => Path == Reference;

    /// <summary>The continuations of prompts; empty without prompts.</summary>
    public IReadOnlyList<GenerationComparison> Generations { get; init; } = [];

    /// <summary>The share of a task's questions answered correctly; null if none were asked.</summary>
    public double? Accuracy { get; init; }

    /// <summary>Questions that only the reference answers correctly; null for the reference.</summary>
    public int? Lost { get; init; }

    /// <summary>Questions that only this model answers correctly; null for the reference.</summary>
    public int? Gained { get; init; }

    /// <summary>Prompt tokens evaluated per second; null if not measured.</summary>
    public MeanEstimate? PromptSpeed { get; init; }

    /// <summary>Tokens generated per second; null if not measured.</summary>
    public MeanEstimate? GenerationSpeed { get; init; }

    /// <summary>The engine that ran the model over a text; null if none did.</summary>
    public string? Engine { get; init; }

    /// <summary>The full path of that text.</summary>
    public string? Corpus { get; init; }

    /// <summary>The perplexity over that text.</summary>
    public MeanEstimate Perplexity { get; init; }

    /// <summary>What the row has in common with the other parts of the measurement; null unless it is one.</summary>
    public MeasuredPart? Part { get; init; }

    /// <summary>The predictions beside the reference's; null for the reference.</summary>
    public KlDivergenceResult? Predictions { get; init; }

    /// <summary>What no row can have, though JSON can say it; null if there is nothing.</summary>
    internal string? FindProblem()
    {
        if (Path.Length == 0 || Reference.Length == 0)
            return "it names no file";
        if (FileType is { } type && !Enum.IsDefined(type))
            return $"there is no file type {(int)type}";
        if (Size < 0 || ReferenceSize < 0 || !double.IsFinite(BitsPerWeight) || BitsPerWeight < 0)
            return "a size is negative";
        if (Corpus is not null && (Engine is null || Predictions is { Range.IsValid: false } or { ContextLength: < 1 } or { ScoredTokens: < 1 }))
            return "it does not say what the predictions were measured with";
        return null;
    }

    internal static ComparisonData Of(ModelInfo reference, ModelInfo model, ModelError? error) => new(
        model.Path, reference.Path, model.Type, model.Size, reference.Size, model.BitsPerWeight, model.MemoryEstimate, error);
}

/// <summary>How <see cref="ComparisonData"/> is written.</summary>
[JsonSourceGenerationOptions(
    IgnoreReadOnlyProperties = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ComparisonData))]
internal sealed partial class ComparisonJson : JsonSerializerContext;

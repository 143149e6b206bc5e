using System.ComponentModel;
using System.Management.Automation;
using System.Text.Json;
using GgufQuant.Comparison;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Evaluation.Speed;
using GgufQuant.Evaluation.Tasks;
using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>What one quantization costs and saves, compared with a reference.</summary>
/// <remarks>Properties are plain values; what goes into detail is behind methods.</remarks>
[TypeConverter(typeof(QuantComparisonConverter))]
public class QuantComparison
{
    internal QuantComparison(ModelInfo reference, ModelInfo model, ModelError? error)
        : this(ComparisonData.Of(reference, model, error))
    {
    }

    internal QuantComparison(ComparisonData data) => Data = data;

    private protected ComparisonData Data { get; private set; }

    /// <summary>The full path.</summary>
    public string Path => Data.Path;

    /// <summary>The full path of the model it was compared with.</summary>
    public string Reference => Data.Reference;

    /// <summary>Whether this is the reference itself.</summary>
    public bool IsReference => Data.IsReference;

    /// <summary>The file type's name: <c>Q4_K_M</c>; null if the file does not say.</summary>
    public string? Type => FileType?.ToString();

    /// <summary>The file type; null if it is unknown.</summary>
    public FileType? FileType => Data.FileType;

    /// <summary>Size in bytes.</summary>
    public long Size => Data.Size;

    /// <summary>Its size as a share of the reference's, 0 to 1.</summary>
    public double RelativeSize => Data.ReferenceSize == 0 ? 0 : (double)Size / Data.ReferenceSize;

    /// <summary>Average bits per weight, excluding header and padding.</summary>
    public double BitsPerWeight => Data.BitsPerWeight;

    /// <summary>Bytes of memory to run it, estimated.</summary>
    public long Memory => Data.Memory.Total;

    /// <summary>Root mean square of the weights' errors over that of the reference's weights: 0 for equal weights, null if they were left unread.</summary>
    public double? RelativeRmsError => Data.Error?.RelativeRmsError ?? OfReference(0);

    /// <summary>1 for weights that point the same way as the reference's; null if they were left unread.</summary>
    public double? CosineSimilarity => Data.Error?.CosineSimilarity ?? OfReference(1);

    /// <summary>Signal-to-noise ratio in dB; infinite for equal weights, null if they were left unread.</summary>
    public double? SignalToNoise => Data.Error?.SignalToNoise ?? OfReference(double.PositiveInfinity);

    /// <summary>The largest error of a weight; null if they were left unread.</summary>
    public double? MaxAbsoluteError => Data.Error?.MaxAbsoluteError ?? OfReference(0);

    /// <summary>The name of the tensor with the largest relative error; null for the reference, and if weights were left unread.</summary>
    public string? WorstTensor => Data.Error?.WorstTensor?.Name;

    /// <summary>The relative error of that tensor; null for the reference, and if weights were left unread.</summary>
    public double? WorstTensorError => Data.Error?.WorstTensor?.RelativeRmsError;

    /// <summary>Tokens generated from all prompts; null without prompts.</summary>
    public int? GeneratedTokens => Generations.Count == 0 ? null : Generations.Sum(text => text.Candidate.Tokens.Count);

    /// <summary>Tokens with which these continuations start like the reference's; null without prompts.</summary>
    public int? AgreeingTokens => Generations.Count == 0 ? null : Generations.Sum(text => text.AgreeingTokens);

    /// <summary>The continuation of the first prompt; null without prompts.</summary>
    public string? Continuation => Generations.Count == 0 ? null : Generations[0].Candidate.Text;

    /// <summary>Share of a known task's questions answered correctly, 0 to 1; null without questions.</summary>
    public double? Accuracy => Data.Accuracy;

    /// <summary>Questions that only the reference answers correctly; null for the reference, and without questions.</summary>
    public int? Lost => Data.Lost;

    /// <summary>Questions that only this model answers correctly; null for the reference, and without questions.</summary>
    public int? Gained => Data.Gained;

    /// <summary>Prompt tokens evaluated per second; null unless speed was measured.</summary>
    public double? PromptTokensPerSecond => Data.PromptSpeed?.Value;

    /// <summary>The standard deviation of the runs.</summary>
    public double? PromptDeviation => Data.PromptSpeed?.Error;

    /// <summary>Tokens generated per second; null unless speed was measured.</summary>
    public double? TokensPerSecond => Data.GenerationSpeed?.Value;

    /// <summary>The standard deviation of the runs.</summary>
    public double? Deviation => Data.GenerationSpeed?.Error;

    /// <summary>The texts that the model and the reference generate; empty unless prompts were given.</summary>
    internal IReadOnlyList<GenerationComparison> Generations
    {
        get => Data.Generations;
        set => Data = Data with { Generations = value };
    }

    /// <summary>Adds the answers to a known task's questions.</summary>
    internal void AddTask(TaskResult result, TaskComparison? comparison) =>
        Data = Data with { Accuracy = result.Accuracy, Lost = comparison?.Lost, Gained = comparison?.Gained };

    /// <summary>Adds how fast the model is.</summary>
    internal void AddSpeed(SpeedResult result) =>
        Data = Data with { PromptSpeed = Summarize(result.PromptSamples), GenerationSpeed = Summarize(result.GenerationSamples) };

    private double? OfReference(double value) => IsReference ? value : null;

    private static MeanEstimate? Summarize(IReadOnlyList<double> samples) =>
        SpeedResult.Summarize(samples) is { } speed ? new(speed.Mean, speed.Deviation) : null;

    /// <summary>The row as it is written: the name of its type selects the view with what was measured.</summary>
    internal PSObject ToPSObject()
    {
        string? view = Generations.Count > 0 ? "#Prompted" : Accuracy is not null ? "#Asked" : TokensPerSecond is not null || PromptTokensPerSecond is not null ? "#Timed" : null;
        // Not stored in the wrapper alone, so that the name outlives it.
        PSObject written = PSObject.AsPSObject(this);
        if (view is not null)
            written.TypeNames.Insert(0, GetType().FullName + view);
        return written;
    }

    /// <summary>What the model writes beside what the reference writes; empty unless prompts were given.</summary>
    public IReadOnlyList<GenerationComparison> GetGenerations() => Generations;

    /// <summary>The error of the weights in full, tensor by tensor; null for the reference, and if they were left unread.</summary>
    public ModelError? GetWeightError() => Data.Error;

    /// <summary>What the memory is needed for, and what the estimate assumes.</summary>
    public MemoryEstimate GetMemoryEstimate() => Data.Memory;

    /// <summary>The whole row as JSON, by which other sessions receive it.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public string GetSerializedData() => JsonSerializer.Serialize(Data, ComparisonJson.Default.ComparisonData);

    /// <summary>The file's path, so that the object can be passed as a path.</summary>
    public override string ToString() => Path;
}

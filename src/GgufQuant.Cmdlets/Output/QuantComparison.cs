using GgufQuant.Comparison;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>What one quantization costs and saves against a reference.</summary>
public class QuantComparison
{
    internal QuantComparison(ModelInfo reference, ModelInfo model, ModelError? error)
    {
        Path = model.Path;
        Reference = reference.Path;
        IsReference = error is null;
        Type = model.Type;
        Size = model.Size;
        RelativeSize = reference.Size == 0 ? 0 : (double)model.Size / reference.Size;
        BitsPerWeight = model.BitsPerWeight;
        Memory = model.Memory;
        MemoryEstimate = model.MemoryEstimate;
        RelativeRmsError = error?.RelativeRmsError ?? 0;
        CosineSimilarity = error?.CosineSimilarity ?? 1;
        SignalToNoise = error?.SignalToNoise ?? double.PositiveInfinity;
        MaxAbsoluteError = error?.MaxAbsoluteError ?? 0;
        WorstTensor = error?.WorstTensor;
        Weights = error;
    }

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>The full path of the model it was compared with.</summary>
    public string Reference { get; }

    /// <summary>Whether this is the reference itself.</summary>
    public bool IsReference { get; }

    /// <summary>The file type; null if the file does not tell.</summary>
    public FileType? Type { get; }

    /// <summary>Bytes.</summary>
    public long Size { get; }

    /// <summary>Its size as a share of the reference's, 0 to 1.</summary>
    public double RelativeSize { get; }

    /// <summary>Bits a weight takes on average, header and padding left out.</summary>
    public double BitsPerWeight { get; }

    /// <summary>Bytes of memory to run it, estimated.</summary>
    public long Memory { get; }

    /// <summary>What the memory is needed for, and what the estimate assumes.</summary>
    public MemoryEstimate MemoryEstimate { get; }

    /// <summary>Root mean square of the weights' errors over that of the reference's weights: 0 for equal weights.</summary>
    public double RelativeRmsError { get; }

    /// <summary>1 for weights that point the same way as the reference's.</summary>
    public double CosineSimilarity { get; }

    /// <summary>Signal-to-noise ratio in dB; infinite for equal weights.</summary>
    public double SignalToNoise { get; }

    /// <summary>The largest error of a weight.</summary>
    public double MaxAbsoluteError { get; }

    /// <summary>The tensor with the largest relative error; null for the reference.</summary>
    public TensorError? WorstTensor { get; }

    /// <summary>The error of the weights in full, tensor by tensor; null for the reference.</summary>
    public ModelError? Weights { get; }

    /// <summary>What the model writes beside what the reference writes; empty unless prompts were given.</summary>
    public IReadOnlyList<GenerationComparison> Generations { get; internal set; } = [];

    /// <summary>The file's path, so that the object can stand where a path is asked for.</summary>
    public override string ToString() => Path;
}

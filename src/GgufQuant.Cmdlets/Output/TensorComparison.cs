using GgufQuant.Comparison;
using GgufQuant.Formats;

namespace GgufQuant.Commands;

/// <summary>How quantizing changed one tensor.</summary>
public sealed class TensorComparison
{
    private readonly TensorError _error;

    internal TensorComparison(string reference, string path, TensorError error)
    {
        Reference = reference;
        Path = path;
        _error = error;
    }

    /// <summary>The full path of the quantized model.</summary>
    public string Path { get; }

    /// <summary>The full path of the model it was compared with.</summary>
    public string Reference { get; }

    /// <summary>The tensor's name.</summary>
    public string Name => _error.Name;

    /// <summary>The name of its type in the reference: <c>F16</c>.</summary>
    public string ReferenceType => _error.ReferenceType.ToString();

    /// <summary>The name of its type in the quantized model: <c>Q4_K</c>.</summary>
    public string Type => TensorType.ToString();

    /// <summary>Its type in the quantized model.</summary>
    public GgmlType TensorType => _error.Type;

    /// <summary>Number of weights.</summary>
    public long WeightCount => _error.ElementCount;

    /// <summary>Root mean square of the weights' errors over that of the reference's weights: 0 for equal weights.</summary>
    public double RelativeRmsError => _error.RelativeRmsError;

    /// <summary>1 for weights that point the same way as the reference's.</summary>
    public double CosineSimilarity => _error.CosineSimilarity;

    /// <summary>Signal-to-noise ratio in dB; infinite for equal weights.</summary>
    public double SignalToNoise => _error.SignalToNoise;

    /// <summary>The largest error of a weight.</summary>
    public double MaxAbsoluteError => _error.MaxAbsoluteError;

    /// <summary>The tensor's name.</summary>
    public override string ToString() => Name;
}

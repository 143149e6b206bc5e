using GgufQuant.Formats;

namespace GgufQuant.Comparison;

/// <summary>How far one tensor's weights are from those of the reference.</summary>
/// <param name="Name">The tensor.</param>
/// <param name="ReferenceType">Its type in the reference.</param>
/// <param name="Type">Its type in the candidate.</param>
/// <param name="ElementCount">Weights.</param>
/// <param name="RelativeRmsError">√(Σ(a-b)²/Σa²), where a are the reference's weights: 0 for equal ones.</param>
/// <param name="CosineSimilarity">Σab/√(Σa²Σb²): 1 for weights that point the same way.</param>
/// <param name="SignalToNoise">10 log₁₀(Σa²/Σ(a-b)²) in dB: infinite for equal weights.</param>
/// <param name="MaxAbsoluteError">The largest |a-b|.</param>
/// <remarks>A weight that is NaN makes all four NaN.</remarks>
public sealed record TensorError(
    string Name,
    GgmlType ReferenceType,
    GgmlType Type,
    long ElementCount,
    double RelativeRmsError,
    double CosineSimilarity,
    double SignalToNoise,
    double MaxAbsoluteError);

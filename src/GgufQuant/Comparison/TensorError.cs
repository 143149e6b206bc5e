using GgufQuant.Formats;

namespace GgufQuant.Comparison;

/// <summary>How far one tensor's weights are from the reference's.</summary>
/// <param name="Name">The tensor.</param>
/// <param name="ReferenceType">Its type in the reference.</param>
/// <param name="Type">Its type in the candidate.</param>
/// <param name="ElementCount">Number of weights.</param>
/// <param name="RelativeRmsError">√(Σ(a-b)²/Σa²), where a are the reference's weights: 0 for equal weights.</param>
/// <param name="CosineSimilarity">Σab/√(Σa²Σb²): 1 for weights that point the same way.</param>
/// <param name="SignalToNoise">10 log₁₀(Σa²/Σ(a-b)²) in dB: infinite for equal weights.</param>
/// <param name="MaxAbsoluteError">The largest |a-b|.</param>
/// <remarks>If a weight is NaN, so are all four.</remarks>
public sealed record TensorError(
    string Name,
    GgmlType ReferenceType,
    GgmlType Type,
    long ElementCount,
    double RelativeRmsError,
    double CosineSimilarity,
    double SignalToNoise,
    double MaxAbsoluteError);

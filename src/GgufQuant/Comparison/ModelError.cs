namespace GgufQuant.Comparison;

/// <summary>How far a model's weights are from a reference's, overall and per tensor.</summary>
/// <param name="ElementCount">Weights compared.</param>
/// <param name="RelativeRmsError">√(Σ(a-b)²/Σa²) over all weights, where a are the reference's: 0 for equal weights.</param>
/// <param name="CosineSimilarity">Σab/√(Σa²Σb²) over all weights: 1 for weights that point the same way.</param>
/// <param name="SignalToNoise">10 log₁₀(Σa²/Σ(a-b)²) in dB over all weights: infinite for equal weights.</param>
/// <param name="MaxAbsoluteError">The largest |a-b|.</param>
/// <param name="WorstTensor">The tensor with the largest relative error; null for a model without tensors.</param>
/// <param name="Tensors">Every tensor, in the reference's order.</param>
public sealed record ModelError(
    long ElementCount,
    double RelativeRmsError,
    double CosineSimilarity,
    double SignalToNoise,
    double MaxAbsoluteError,
    TensorError? WorstTensor,
    IReadOnlyList<TensorError> Tensors);

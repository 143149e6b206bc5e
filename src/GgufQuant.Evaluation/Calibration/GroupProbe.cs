namespace GgufQuant.Evaluation.Calibration;

/// <summary>The effect of rounding a group of tensors.</summary>
/// <param name="Divergence">The mean KL divergence of the predictions, in nats per token.</param>
/// <param name="Error">The output error of those tensors that the model uses; 0 if it uses none.</param>
public sealed record GroupProbe(double Divergence, double Error)
{
    /// <summary>The KL divergence per unit of error; null if the model uses none of the tensors.</summary>
    public double? Coefficient => Error > 0 ? Divergence / Error : null;
}

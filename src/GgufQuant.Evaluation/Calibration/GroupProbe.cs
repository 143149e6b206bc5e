namespace GgufQuant.Evaluation.Calibration;

/// <summary>What rounding a group of tensors has changed.</summary>
/// <param name="Divergence">The mean KL divergence of the predictions, in nats per token.</param>
/// <param name="Error">The error of the outputs of the group's tensors that the model computes with; 0 if it uses none of them.</param>
public sealed record GroupProbe(double Divergence, double Error)
{
    /// <summary>The KL divergence per unit of error; null if the model uses none of the tensors.</summary>
    public double? Coefficient => Error > 0 ? Divergence / Error : null;
}

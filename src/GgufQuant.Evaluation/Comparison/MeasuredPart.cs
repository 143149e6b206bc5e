namespace GgufQuant.Evaluation.Comparison;

/// <summary>What the parts of a measurement over a text must have in common to be merged.</summary>
/// <param name="Text">A hash of the text and of its division into chunks.</param>
/// <param name="Reference">A hash of the reference.</param>
/// <param name="Model">A hash of the model.</param>
public sealed record MeasuredPart(string Text, string Reference, string Model)
{
    /// <summary>Whether the reference's logits are from a file, which rounds them.</summary>
    public bool HasStoredLogits { get; init; }
}

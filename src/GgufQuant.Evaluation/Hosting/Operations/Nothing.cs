namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>What is asked or returned where there is nothing to say.</summary>
internal sealed record Nothing;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>An empty request or result.</summary>
internal sealed record Nothing;

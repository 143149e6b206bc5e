namespace GgufQuant.Commands;

/// <summary>What models are run with.</summary>
/// <param name="Engine">Name and version of the engine.</param>
/// <param name="Corpus">The full path of the text they are run over; null for none.</param>
internal sealed record Evaluation(string Engine, string? Corpus);

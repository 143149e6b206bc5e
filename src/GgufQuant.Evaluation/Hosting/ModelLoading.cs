namespace GgufQuant.Evaluation.Hosting;

/// <summary>Progress of loading a model.</summary>
/// <param name="Path">The model's file.</param>
/// <param name="Share">Share loaded, 0 to 1.</param>
internal sealed record ModelLoading(string Path, double Share);

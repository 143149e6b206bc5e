namespace GgufQuant.Gguf;

/// <summary>How far reading through a model has come.</summary>
/// <param name="Tensor">The tensor that was worked on last.</param>
/// <param name="WeightsDone">Weights read.</param>
/// <param name="Weights">Weights in all.</param>
public readonly record struct ScanProgress(string Tensor, long WeightsDone, long Weights)
{
    /// <summary>Share of the weights that are read, 0 to 1.</summary>
    public double Share => Weights == 0 ? 1 : (double)WeightsDone / Weights;
}

namespace GgufQuant.Evaluation.Engines;

/// <summary>How a model is loaded.</summary>
public sealed record ModelOptions
{
    /// <summary>Layers to hold on a GPU: -1 for all, which is harmless without one.</summary>
    public int GpuLayers { get; init; } = -1;

    /// <summary>Share loaded, 0 to 1.</summary>
    public IProgress<double>? Progress { get; init; }
}

namespace GgufQuant.Evaluation.Generation;

/// <summary>How texts are generated.</summary>
public sealed record GenerationOptions
{
    /// <summary>Most tokens of a continuation.</summary>
    public int MaximumTokens { get; init; } = 64;

    /// <summary>Threads; 0 for one a processor.</summary>
    public int Threads { get; init; }

    /// <summary>Layers to hold on a GPU; -1 for all.</summary>
    public int GpuLayers { get; init; } = -1;
}

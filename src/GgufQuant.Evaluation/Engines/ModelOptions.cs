namespace GgufQuant.Evaluation.Engines;

/// <summary>Options for loading a model.</summary>
public sealed record ModelOptions
{
    /// <summary>Layers to offload to a GPU: -1 for all, which is harmless without a GPU.</summary>
    public int GpuLayers { get; init; } = -1;

    /// <summary>Whether weights can be overwritten in memory; they are then read, not mapped, and not repacked.</summary>
    public bool IsWritable { get; init; }

    /// <summary>Whether only the tokenizer is needed: the weights are left unread, the trained context length may be unknown, and no context can be created.</summary>
    public bool VocabularyOnly { get; init; }

    /// <summary>Receives the share loaded, 0 to 1.</summary>
    public IProgress<double>? Progress { get; init; }
}

namespace GgufQuant.Gguf;

/// <summary>How a model is split; the defaults are llama-gguf-split's.</summary>
public sealed record GgufSplitOptions
{
    /// <summary>Tensors a shard holds at most; without effect where <see cref="MaxBytes"/> is given.</summary>
    public int MaxTensors { get; init; } = 128;

    /// <summary>Bytes of tensor data a shard holds at most, its header not counted; a larger tensor has a shard of its own.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>Whether the first shard holds the metadata alone.</summary>
    public bool MetadataAlone { get; init; }

    /// <summary>Whether existing files may be replaced.</summary>
    public bool Overwrite { get; init; }
}

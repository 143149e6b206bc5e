namespace GgufQuant.Gguf;

/// <summary>How a model is split; the defaults are llama-gguf-split's.</summary>
public sealed record GgufSplitOptions
{
    /// <summary>Maximum number of tensors per shard; ignored if <see cref="MaxBytes"/> is set.</summary>
    public int MaxTensors { get; init; } = 128;

    /// <summary>Maximum bytes of tensor data per shard, not counting the header; a larger tensor gets a separate shard.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>Whether the first shard holds only the metadata.</summary>
    public bool MetadataAlone { get; init; }

    /// <summary>Whether existing files may be replaced.</summary>
    public bool Overwrite { get; init; }
}

namespace GgufQuant.Gguf;

/// <summary>The contents of one file's header.</summary>
internal sealed record GgufHeader(
    uint Version, bool IsBigEndian, int Alignment, GgufMetadata Metadata, IReadOnlyList<GgufTensor> Tensors, long DataOffset)
{
    /// <summary>What is wrong with tensors that were left out; null if none were.</summary>
    public GgufFormatException? Fault { get; init; }

    /// <summary>Whether the file ends with the header, which is sound.</summary>
    public bool IsAlone { get; init; }
}

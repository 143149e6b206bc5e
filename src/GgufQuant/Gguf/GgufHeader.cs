namespace GgufQuant.Gguf;

/// <summary>What the header of one file says.</summary>
internal sealed record GgufHeader(
    uint Version, bool IsBigEndian, int Alignment, GgufMetadata Metadata, IReadOnlyList<GgufTensor> Tensors, long DataOffset);

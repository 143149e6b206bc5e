namespace GgufQuant.Gguf;

/// <summary>One file of a model: the whole of it, or a part of a split one.</summary>
/// <param name="Path">The full path.</param>
/// <param name="Length">The file's length in bytes.</param>
/// <param name="DataOffset">Where tensor data starts, in bytes from the start of the file.</param>
/// <param name="Alignment">What the start of every tensor's data is a multiple of, in bytes.</param>
public sealed record GgufShard(string Path, long Length, long DataOffset, int Alignment);

namespace GgufQuant.Gguf;

/// <summary>One file of a model: the whole model, or one shard of it.</summary>
/// <param name="Path">The full path.</param>
/// <param name="Length">The file's length in bytes.</param>
/// <param name="DataOffset">Where tensor data starts, in bytes from the start of the file.</param>
/// <param name="Alignment">Alignment of every tensor's data, in bytes.</param>
public sealed record GgufShard(string Path, long Length, long DataOffset, int Alignment);

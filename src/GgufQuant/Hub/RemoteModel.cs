namespace GgufQuant.Hub;

/// <summary>A model in a repository on the hub: a GGUF file, or all shards of a split one.</summary>
/// <param name="Address">The file, or the first shard.</param>
/// <param name="Size">Bytes of all shards together.</param>
/// <param name="Shards">How many shards the repository has; 1 if the model is not split.</param>
public sealed record RemoteModel(RemoteAddress Address, long Size, int Shards);

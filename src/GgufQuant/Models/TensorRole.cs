namespace GgufQuant.Models;

/// <summary>What a tensor does in a model, as far as the mix of types cares.</summary>
public enum TensorRole
{
    Other,
    Output,
    TokenEmbedding,
    AttentionQkv,
    AttentionKvB,
    AttentionV,
    AttentionK,
    AttentionQ,
    AttentionOutput,
    FfnUp,
    FfnGate,
    FfnDown,
}

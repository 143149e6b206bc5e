namespace GgufQuant.Models;

/// <summary>A tensor's role in a model, as far as type selection distinguishes roles.</summary>
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

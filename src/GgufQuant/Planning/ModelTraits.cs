namespace GgufQuant.Planning;

/// <summary>What the mix of types depends on, beside the tensor itself.</summary>
/// <param name="Architecture"><c>general.architecture</c>.</param>
/// <param name="Layers"><c>block_count</c>: every layer, those for multi-token prediction too.</param>
/// <param name="Experts"><c>expert_count</c>; 0 for a dense model.</param>
/// <param name="QueriesPerKey">Query heads that share a key head in the first layer; 0 where it has no key heads.</param>
/// <param name="Is70B">Whether the model is of the 80-layer family whose value projections are eight times smaller.</param>
/// <param name="ValueTensors">Tensors whose role is a value projection.</param>
/// <param name="TiedEmbeddings">Whether the token embeddings serve as the output too.</param>
/// <param name="HasImportance">Whether an importance matrix was given.</param>
internal sealed record MixModel(
    string Architecture,
    int Layers,
    int Experts,
    int QueriesPerKey,
    bool Is70B,
    int ValueTensors,
    bool TiedEmbeddings,
    bool HasImportance)
{
    internal bool IsFalcon => Architecture == "falcon";

    internal bool HasEightExperts => Experts == 8;

    /// <summary>Whether four or more query heads share a key head: small value projections, cheap to keep precise.</summary>
    internal bool SharesKeys => QueriesPerKey >= 4;

    /// <summary>Whether an architecture of so many layers is one llama.cpp calls 70B.</summary>
    internal static bool Is70BFamily(string architecture, int layers, long heads, long keyHeads) => architecture switch
    {
        "llama" or "llama-embed" => layers == 80 && heads != keyHeads,
        "qwen2" or "deci" or "olmo" => layers == 80,
        "jais2" => layers == 68,
        _ => false,
    };
}

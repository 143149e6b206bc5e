using System.Collections;
using System.Globalization;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Planning;

/// <summary>What tensor type selection depends on besides the tensor itself.</summary>
/// <param name="Architecture"><c>general.architecture</c>.</param>
/// <param name="Layers"><c>block_count</c>: every layer, including those for multi-token prediction.</param>
/// <param name="Experts"><c>expert_count</c>; 0 for a dense model.</param>
/// <param name="QueriesPerKey">Query heads per key head in the first layer; 0 if it has no key heads.</param>
/// <param name="Is70B">Whether the model is of the 80-layer family whose value projections are eight times smaller.</param>
/// <param name="ValueTensors">Number of tensors whose role is a value projection.</param>
/// <param name="TiedEmbeddings">Whether the token embeddings double as the output.</param>
/// <param name="HasImportance">Whether an importance matrix was given.</param>
internal sealed record ModelTraits(
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

    /// <summary>Whether llama.cpp calls an architecture with these dimensions 70B.</summary>
    internal static bool Is70BFamily(string architecture, int layers, long heads, long keyHeads) => architecture switch
    {
        "llama" or "llama-embed" => layers == 80 && heads != keyHeads,
        "qwen2" or "deci" or "olmo" => layers == 80,
        "jais2" => layers == 68,
        _ => false,
    };

    /// <summary>Reads the traits from a file's metadata and the names of its tensors.</summary>
    internal static ModelTraits Read(GgufMetadata metadata, IReadOnlyCollection<string> tensorNames, bool hasImportance)
    {
        metadata.TryGetString(GgufKeys.Architecture, out string? architecture);
        architecture ??= "";
        long layers = First(metadata, GgufKeys.BlockCount(architecture)) ?? 0;
        // Such a model runs through its layers several times, and llama.cpp counts each pass.
        if (architecture == "nanbeige")
            layers = (long)ToInt32(layers) * ToInt32(First(metadata, $"{architecture}.num_loops") ?? 1);
        long experts = First(metadata, $"{architecture}.expert_count") ?? 0;
        long heads = First(metadata, $"{architecture}.attention.head_count") ?? 0;
        long keyHeads = First(metadata, $"{architecture}.attention.head_count_kv") ?? heads;
        return new ModelTraits(
            architecture,
            ToInt32(layers),
            ToInt32(experts),
            QueriesPerKey: keyHeads <= 0 ? 0 : ToInt32(heads / keyHeads),
            Is70BFamily(architecture, ToInt32(layers), heads, keyHeads),
            ValueTensors: tensorNames.Count(name => TensorNames.IsValueLike(TensorNames.RoleOf(name))),
            TiedEmbeddings: !tensorNames.Contains(TensorNames.Output),
            hasImportance);
    }

    // A count that differs from layer to layer is an array; type selection uses the first layer's.
    private static long? First(GgufMetadata metadata, string key)
    {
        object? value = metadata.Find(key)?.Value;
        if (value is Array array)
            value = array.Length > 0 ? ((IList)array)[0] : null;
        return value switch
        {
            byte or sbyte or ushort or short or uint or int or long => Convert.ToInt64(value, CultureInfo.InvariantCulture),
            ulong number => (long)Math.Min(number, long.MaxValue),
            _ => null,
        };
    }

    private static int ToInt32(long value) => (int)Math.Clamp(value, 0, int.MaxValue);
}

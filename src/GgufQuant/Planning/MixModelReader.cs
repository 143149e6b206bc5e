using System.Collections;
using System.Globalization;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Planning;

/// <summary>Reads off a file what the mix of types depends on.</summary>
internal static class MixModelReader
{
    internal static MixModel Read(GgufMetadata metadata, IReadOnlyCollection<string> tensorNames, bool hasImportance)
    {
        metadata.TryGetString(GgufKeys.Architecture, out string? architecture);
        architecture ??= "";
        long layers = First(metadata, GgufKeys.BlockCount(architecture)) ?? 0;
        // Such a model runs through its layers several times, and llama.cpp counts each time.
        if (architecture == "nanbeige")
            layers = (long)ToInt32(layers) * ToInt32(First(metadata, $"{architecture}.num_loops") ?? 1);
        long experts = First(metadata, $"{architecture}.expert_count") ?? 0;
        long heads = First(metadata, $"{architecture}.attention.head_count") ?? 0;
        long keyHeads = First(metadata, $"{architecture}.attention.head_count_kv") ?? heads;
        return new MixModel(
            architecture,
            ToInt32(layers),
            ToInt32(experts),
            QueriesPerKey: keyHeads == 0 ? 0 : ToInt32(heads / keyHeads),
            MixModel.Is70BFamily(architecture, ToInt32(layers), heads, keyHeads),
            ValueTensors: tensorNames.Count(name => TensorNames.IsValueLike(TensorNames.RoleOf(name))),
            TiedEmbeddings: !tensorNames.Contains(TensorNames.Output),
            hasImportance);
    }

    // A count that differs from layer to layer is an array; the mix goes by the first layer's.
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

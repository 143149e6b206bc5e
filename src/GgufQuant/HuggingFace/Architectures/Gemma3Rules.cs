using System.Text.Json;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>Recipes for Gemma 3 and 4.</summary>
internal static class Gemma3Rules
{
    /// <summary>Leaves out embeddings beyond the vocabulary.</summary>
    /// <remarks>convert_hf_to_gguf's <c>Gemma3Model.modify_tensors</c>.</remarks>
    public static TensorRule CutEmbeddings { get; } = (context, tensor) =>
        [tensor.Name.Contains("embed_tokens.weight", StringComparison.Ordinal) && CountTokens(context) is long count && count < tensor.Values.Shape[0]
            ? tensor with { Values = tensor.Values.RowRange(0, count) } : tensor];

    private static long? CountTokens(ConversionContext context)
    {
        if (context.Folder.Contains("tokenizer.model"))
            return context.TokenCount;
        // Added tokens that are also in the vocabulary count twice.
        return context.Folder.ReadJson("tokenizer.json") is { ValueKind: JsonValueKind.Object } tokenizer
            && tokenizer.TryGetProperty("model", out JsonElement model) && model.TryGetProperty("vocab", out JsonElement tokens) && tokens.ValueKind == JsonValueKind.Object
            && tokenizer.TryGetProperty("added_tokens", out JsonElement added) && added.ValueKind == JsonValueKind.Array
            ? tokens.EnumerateObject().Count() + added.GetArrayLength()
            : context.TokenCount;
    }
}

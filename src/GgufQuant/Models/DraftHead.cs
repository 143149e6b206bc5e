using GgufQuant.Gguf;

namespace GgufQuant.Models;

/// <summary>Models that only draft tokens for another model, whose activations or cache they read.</summary>
internal static class DraftHead
{
    /// <summary>Whether all models of an architecture are draft heads.</summary>
    /// <remarks>Those for which llama.cpp's <c>llama_context</c> requires <c>ctx_other</c>.</remarks>
    internal static bool Is(string architecture) => architecture is "eagle3" or "dflash" or "gemma4-assistant";

    /// <summary>Whether a file is a draft head: by its architecture, or because of all layers it has only those that draft tokens (NextN, MTP).</summary>
    internal static bool Is(GgufFile file)
    {
        ModelShape shape = ModelShape.Read(file);
        return Is(shape.Architecture)
            || (shape.DraftLayers > 0 && file.Tensors.Count > 0 && file.Tensors.All(tensor => TensorNames.FindRunLayer(tensor.Name) is not int layer || layer >= shape.Layers - shape.DraftLayers));
    }
}

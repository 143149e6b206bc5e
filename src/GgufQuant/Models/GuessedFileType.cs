using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Models;

/// <summary>The file type that llama.cpp gives a model whose header names none: the one of the most tensors' type.</summary>
/// <remarks>llama-model-loader.cpp; <c>llama_model_quantize</c> writes it into a copy.</remarks>
internal static class GuessedFileType
{
    // The bit that marks a number as guessed.
    private const uint Flag = 1024;

    /// <summary>Reads a number of <c>general.file_type</c>, whether or not it is marked as guessed.</summary>
    internal static bool TryRead(ulong number, out FileType type, out bool isGuessed)
    {
        isGuessed = (number & Flag) != 0;
        type = (FileType)(number & ~(ulong)Flag);
        return number <= int.MaxValue && Enum.IsDefined(type);
    }

    /// <summary>The number for <c>general.file_type</c>, with its mark.</summary>
    internal static uint Of(IEnumerable<GgufTensor> tensors)
    {
        Dictionary<GgmlType, int> counts = [];
        int greatest = 0;
        GgmlType most = GgmlType.F32;
        // Of two types with as many tensors, the one that has them first.
        foreach (GgufTensor tensor in tensors.OrderBy(tensor => tensor.Name, TensorOrder.Instance))
        {
            int count = counts.GetValueOrDefault(tensor.Type) + 1;
            counts[tensor.Type] = count;
            if (count > greatest)
                (greatest, most) = (count, tensor.Type);
        }
        return (uint)FileTypeOf(most) | Flag;
    }

    // A type of several mixes stands for the middle one, and what has no file type for F32.
    private static FileType FileTypeOf(GgmlType type) =>
        Enum.TryParse($"{type}", out FileType same) ? same
        : Enum.TryParse($"{type}_M", out FileType medium) ? medium
        : FileType.F32;
}

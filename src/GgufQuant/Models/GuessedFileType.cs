using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Models;

/// <summary>The file type llama.cpp assumes for a model whose header names none: that of the type with the most tensors.</summary>
/// <remarks>llama-model-loader.cpp; <c>llama_model_quantize</c> writes it into a copy.</remarks>
internal static class GuessedFileType
{
    // The bit that marks a number as guessed.
    private const uint Flag = 1024;

    /// <summary>Reads a <c>general.file_type</c> number, whether or not it is marked as guessed.</summary>
    internal static bool TryRead(ulong number, out FileType type, out bool isGuessed)
    {
        isGuessed = (number & Flag) != 0;
        type = (FileType)(number & ~(ulong)Flag);
        return number <= int.MaxValue && Enum.IsDefined(type);
    }

    /// <summary>The number for <c>general.file_type</c>, marked as guessed.</summary>
    internal static uint Of(IEnumerable<GgufTensor> tensors) => Of(tensors.Select(tensor => (tensor.Name, tensor.Type)));

    /// <summary>The same for names and types of tensors.</summary>
    internal static uint Of(IEnumerable<(string Name, GgmlType Type)> tensors)
    {
        Dictionary<GgmlType, int> counts = [];
        int greatest = 0;
        GgmlType most = GgmlType.F32;
        // On a tie, the type that reaches the count first.
        foreach ((_, GgmlType type) in tensors.OrderBy(tensor => tensor.Name, TensorOrder.Instance))
        {
            int count = counts.GetValueOrDefault(type) + 1;
            counts[type] = count;
            if (count > greatest)
                (greatest, most) = (count, type);
        }
        return (uint)FileTypeOf(most) | Flag;
    }

    // A type with several file types gives the middle one; a type without any gives F32.
    private static FileType FileTypeOf(GgmlType type) =>
        Enum.TryParse($"{type}", out FileType same) ? same
        : Enum.TryParse($"{type}_M", out FileType medium) ? medium
        : FileType.F32;
}

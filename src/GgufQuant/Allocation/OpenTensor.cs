using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Planning;

namespace GgufQuant.Allocation;

/// <summary>A tensor whose type is to be chosen.</summary>
/// <param name="Name">Its name in the file to be written.</param>
/// <param name="Source">The tensor.</param>
/// <param name="Group">The group of tensors that share its coefficient.</param>
/// <param name="Types">The candidate types, smallest first.</param>
internal sealed record OpenTensor(string Name, GgufTensor Source, string Group, IReadOnlyList<GgmlType> Types)
{
    /// <summary>The tensors of a model whose types are to be chosen.</summary>
    /// <param name="source">The model.</param>
    /// <param name="options">The types fixed for single tensors.</param>
    /// <param name="allowed">The types to choose from; null for all.</param>
    /// <param name="hasImportance">Whether a tensor has an entry in the importance matrix.</param>
    /// <exception cref="QuantizationException">There are none, or the model is already quantized.</exception>
    public static IReadOnlyList<OpenTensor> Of(
        GgufFile source, QuantizationOptions options, IReadOnlyCollection<GgmlType>? allowed, Func<GgufTensor, bool> hasImportance)
    {
        int layers = TensorGroups.CountLayers(source.Tensors.Select(tensor => tensor.Name));
        OpenTensor[] tensors =
        [
            .. from tensor in QuantizationPlan.OpenTensors(source, options)
               let types = CandidateTypes.For(tensor.Name, tensor.Source, allowed, hasImportance(tensor.Source))
               select new OpenTensor(tensor.Name, tensor.Source, TensorGroups.GroupOf(tensor.Source.Name, layers), types),
        ];
        if (tensors.Length == 0)
            throw new QuantizationException($"'{source.Path}' has no tensor to choose a type for: give a file type instead of a size.");
        return Array.Find(tensors, tensor => tensor.Source.Format.IsQuantized) is { } quantized
            ? throw new QuantizationException($"Tensor '{quantized.Name}' is already quantized, to {quantized.Source.Format}. Types for a size are chosen from the F16, BF16 or F32 model.")
            : tensors;
    }

    /// <summary>Whether a type changes the weights.</summary>
    public bool IsLossy(GgmlType type) => type != CandidateTypes.UnquantizedOf(Source);

    /// <summary>The tensor's size in bytes with a type.</summary>
    public long BytesIn(GgmlType type) => BlockFormat.Of(type).ByteCount(Source.ElementCount);
}

using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Models;

namespace GgufQuant.Planning;

/// <summary>How llama.cpp's quantizer uses an importance matrix, and which tensors it does not quantize without one.</summary>
internal static class ImatrixRules
{
    /// <summary>The entry a tensor is quantized with; null if there is none or it is not needed.</summary>
    /// <exception cref="QuantizationException">The tensor needs an entry and has none, or has one of the wrong size.</exception>
    internal static ImatrixEntry? Find(PlannedTensor tensor, FileType type, ImatrixFile? matrix)
    {
        if (tensor.IsCopied)
            return null;
        ImatrixEntry? entry = matrix is null ? null : FindEntry(matrix, tensor.Source.Name);
        if (entry is not null && !Fits(entry, tensor.Source))
        {
            // Some old matrices have an entry of vocabulary size for the embeddings.
            if (TensorNames.RoleOf(tensor.Name) != TensorRole.TokenEmbedding)
                throw new QuantizationException($"The importance matrix '{matrix!.Path}' has {entry.Columns} columns for tensor '{tensor.Name}', but the tensor has {Columns(tensor.Source)}: the matrix belongs to another model.");
            entry = null;
        }
        if (entry is null && IsRequired(tensor.Name, tensor.Format, type))
            throw Missing(tensor, type, matrix);
        return tensor.Format.Importance == ImatrixSupport.Ignored ? null : entry;
    }

    /// <remarks>llama.cpp's <c>tensor_requires_imatrix</c>.</remarks>
    internal static bool IsRequired(string name, BlockFormat target, FileType type)
    {
        if (target.Importance == ImatrixSupport.Required)
            return true;
        if (TensorNames.RoleOf(name) is TensorRole.TokenEmbedding or TensorRole.Output)
            return false;
        return target.Type switch
        {
            GgmlType.IQ1_S or GgmlType.IQ1_M or GgmlType.IQ2_XXS or GgmlType.IQ2_XS or GgmlType.IQ2_S or GgmlType.IQ3_XXS => true,
            GgmlType.Q2_K => type == FileType.Q2_K_S,
            _ => false,
        };
    }

    /// <summary>The entry of a tensor, or that of the same inputs.</summary>
    /// <remarks>The inputs of a layer's gate and up experts are the same whether a model holds them fused or apart.</remarks>
    internal static ImatrixEntry? FindEntry(ImatrixFile matrix, string name)
    {
        const string Gate = "ffn_gate_exps";
        const string Up = "ffn_up_exps";
        const string Fused = "ffn_gate_up_exps";
        ImatrixEntry? As(string part, string other) =>
            name.Contains(part, StringComparison.Ordinal) ? matrix.Find(name.Replace(part, other, StringComparison.Ordinal)) : null;
        return matrix.Find(name) ?? As(Fused, Gate) ?? As(Fused, Up) ?? As(Gate, Fused) ?? As(Up, Fused);
    }

    private static bool Fits(ImatrixEntry entry, GgufTensor tensor) => entry.Columns == Columns(tensor);

    private static long Columns(GgufTensor tensor) =>
        tensor.Shape.Skip(2).Aggregate(tensor.RowLength, (columns, dimension) => columns * dimension);

    private static QuantizationException Missing(PlannedTensor tensor, FileType type, ImatrixFile? matrix) => new(matrix is null
        ? $"{type} needs an importance matrix: tensor '{tensor.Name}' would become {tensor.Format}, which is unusable without one. "
            + "Compute one from the original model, or choose a type that needs none, such as Q4_K_M or Q2_K."
        : $"The importance matrix '{matrix.Path}' has no entry for tensor '{tensor.Name}', which would become {tensor.Format} and is unusable without one. "
            + "Give the tensor a type that needs none, such as q4_K, or compute the matrix from more text.")
    {
        Remedy = QuantizationRemedy.Imatrix,
    };
}

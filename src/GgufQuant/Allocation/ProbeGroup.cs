using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Allocation;

/// <summary>Tensors that are rounded together to measure the cost.</summary>
/// <param name="Name">The group, such as <c>attn_q 1/2</c>.</param>
/// <param name="Tensors">The tensors.</param>
public sealed record ProbeGroup(string Name, IReadOnlyList<GgufTensor> Tensors)
{
    /// <summary>The type that a tensor is rounded to in a probe; null if no type of about three bits fits its rows.</summary>
    /// <remarks>KL divergence grows with the output error in the same way for all types, so probing one type is enough.</remarks>
    public static GgmlType? TypeFor(GgufTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return new GgmlType?[] { GgmlType.Q3_K, GgmlType.IQ4_NL }.FirstOrDefault(type => tensor.RowLength % BlockFormat.Of(type!.Value).BlockSize == 0);
    }
}

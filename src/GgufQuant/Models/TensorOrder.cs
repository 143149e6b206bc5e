using System.Text;

namespace GgufQuant.Models;

/// <summary>llama.cpp's order of writing tensors: by layer, those without one first, then by the bytes of the name.</summary>
/// <remarks>llama.cpp's <c>weight_name_comparer</c>.</remarks>
internal sealed class TensorOrder : IComparer<string>
{
    internal static TensorOrder Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        int byLayer = (TensorNames.LayerOf(x) ?? -1).CompareTo(TensorNames.LayerOf(y) ?? -1);
        return byLayer != 0 ? byLayer : Encoding.UTF8.GetBytes(x).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(y));
    }
}

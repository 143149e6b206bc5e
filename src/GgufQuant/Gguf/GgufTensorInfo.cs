using System.Collections.Immutable;
using GgufQuant.Formats;

namespace GgufQuant.Gguf;

/// <summary>A tensor to be written.</summary>
/// <param name="Name">The name, at most 63 bytes of UTF-8.</param>
/// <param name="Type">The type of its weights.</param>
/// <param name="Shape">One to four dimensions, row length first.</param>
public sealed record GgufTensorInfo(string Name, GgmlType Type, ImmutableArray<long> Shape)
{
    /// <summary>The same tensor in another type.</summary>
    public static GgufTensorInfo Of(GgufTensor tensor, GgmlType type) => new(tensor.Name, type, tensor.Shape);
}

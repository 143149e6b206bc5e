using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Allocation;

/// <summary>A tensor whose type is to be chosen.</summary>
/// <param name="Name">Its name in the file to be written.</param>
/// <param name="Source">The tensor.</param>
/// <param name="Group">The tensors that it shares a coefficient with.</param>
/// <param name="Types">The types that it may get, in the order of their size.</param>
internal sealed record OpenTensor(string Name, GgufTensor Source, string Group, IReadOnlyList<GgmlType> Types)
{
    /// <summary>Whether a type changes the weights.</summary>
    public bool IsLossy(GgmlType type) => type != CandidateTypes.UnquantizedOf(Source);

    /// <summary>Bytes that it takes in a type.</summary>
    public long BytesIn(GgmlType type) => BlockFormat.Of(type).ByteCount(Source.ElementCount);
}

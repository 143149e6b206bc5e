using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;

namespace GgufQuant.Planning;

/// <summary>What becomes of one tensor.</summary>
/// <param name="Source">The tensor as it is.</param>
/// <param name="Target">The type it gets.</param>
/// <param name="Rule">The rule that chose the type, in words.</param>
public sealed record PlannedTensor(GgufTensor Source, GgmlType Target, string Rule)
{
    /// <summary>The tensor's name in the file to be written.</summary>
    public string Name { get; init; } = Source.Name;

    /// <summary>The target type as an object.</summary>
    public BlockFormat Format => BlockFormat.Of(Target);

    /// <summary>Bytes the tensor will take.</summary>
    public long ByteCount => Format.ByteCount(Source.ElementCount);

    /// <summary>How much each column matters; null where all matter alike, or the target type takes no notice.</summary>
    public ImportanceEntry? Importance { get; init; }

    /// <summary>Whether the tensor's bytes are taken over as they are.</summary>
    public bool IsCopied => Source.Type == Target;
}

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

/// <summary>What one type takes of a file.</summary>
/// <param name="Type">The type.</param>
/// <param name="Tensors">Tensors of the type.</param>
/// <param name="Weights">Weights in them.</param>
/// <param name="Bytes">Bytes they take.</param>
/// <param name="Share">Their share of all weights, 0 to 1.</param>
public sealed record TypeShare(GgmlType Type, int Tensors, long Weights, long Bytes, double Share)
{
    /// <summary>The shares of some tensors' types, the largest first.</summary>
    public static IReadOnlyList<TypeShare> Of(IEnumerable<(GgmlType Type, long Weights)> tensors)
    {
        ILookup<GgmlType, long> byType = tensors.ToLookup(tensor => tensor.Type, tensor => tensor.Weights);
        long all = byType.Sum(group => group.Sum());
        return
        [
            .. from weights in byType
               let sum = weights.Sum()
               orderby sum descending
               select new TypeShare(weights.Key, weights.Count(), sum, BlockFormat.Of(weights.Key).ByteCount(sum), all == 0 ? 0 : (double)sum / all),
        ];
    }

    /// <summary>The share in percent, as <c>q4_K 83.1%</c>.</summary>
    public override string ToString() =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{BlockFormat.Of(Type)} {100 * Share:0.0}%");
}

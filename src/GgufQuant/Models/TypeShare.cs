using System.Globalization;
using GgufQuant.Formats;

namespace GgufQuant.Models;

/// <summary>One type's share of a file.</summary>
/// <param name="Type">The type.</param>
/// <param name="Tensors">Number of tensors of the type.</param>
/// <param name="Weights">Number of weights in them.</param>
/// <param name="Bytes">Their size in bytes.</param>
/// <param name="Share">Their share of all weights, 0 to 1.</param>
public sealed record TypeShare(GgmlType Type, int Tensors, long Weights, long Bytes, double Share)
{
    /// <summary>The shares of some tensors' types, largest first.</summary>
    public static TypeShare[] Of(IEnumerable<(GgmlType Type, long Weights)> tensors)
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

    /// <summary>The share in per cent, such as <c>q4_K 83.1%</c>.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{BlockFormat.Of(Type)} {100 * Share:0.0}%");
}

using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>What one tensor type takes of a file.</summary>
public sealed class TensorTypeShare
{
    private readonly TypeShare _share;

    private TensorTypeShare(TypeShare share) => _share = share;

    /// <summary>The type's name: <c>Q4_K</c>.</summary>
    public string Type => TensorType.ToString();

    /// <summary>The type.</summary>
    public GgmlType TensorType => _share.Type;

    /// <summary>Tensors of the type.</summary>
    public int Tensors => _share.Tensors;

    /// <summary>Weights in them.</summary>
    public long WeightCount => _share.Weights;

    /// <summary>Bytes they take.</summary>
    public long Size => _share.Bytes;

    /// <summary>Their share of all weights, 0 to 1.</summary>
    public double Share => _share.Share;

    /// <summary>The share in percent, the same in every culture: <c>Q4_K 83.1%</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"{Type} {100 * Share:0.0}%");

    internal static ValueList<TensorTypeShare> Of(IEnumerable<TypeShare> shares) => new(shares.Select(share => new TensorTypeShare(share)));
}

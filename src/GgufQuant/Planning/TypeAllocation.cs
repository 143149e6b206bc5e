using GgufQuant.Formats;

namespace GgufQuant.Planning;

/// <summary>A type that an allocation gives a tensor.</summary>
/// <param name="Type">The type.</param>
/// <param name="Group">The tensors whose coefficient it shares.</param>
/// <param name="Coefficient">The KL divergence per unit of error in the outputs of these tensors.</param>
/// <param name="Divergence">The KL divergence that the tensor is expected to add, in nats per token.</param>
public sealed record AllocatedType(GgmlType Type, string Group, double Coefficient, double Divergence);

/// <summary>Types that give a file a size, chosen for the least KL divergence.</summary>
/// <param name="Types">Of each tensor, by its name in the file to be written.</param>
public sealed record TypeAllocation(IReadOnlyDictionary<string, AllocatedType> Types)
{
    /// <summary>The expected KL divergence from the source, in nats per token.</summary>
    public double Divergence { get; } = Types.OrderBy(type => type.Key, StringComparer.Ordinal).Sum(type => type.Value.Divergence);
}

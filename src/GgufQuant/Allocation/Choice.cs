namespace GgufQuant.Allocation;

/// <summary>What one type would take and cost a tensor.</summary>
/// <param name="Bytes">Bytes of the tensor.</param>
/// <param name="Cost">The KL divergence that it adds.</param>
internal readonly record struct Choice(long Bytes, double Cost);

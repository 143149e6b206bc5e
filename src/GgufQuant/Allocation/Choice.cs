namespace GgufQuant.Allocation;

/// <summary>What a type would cost for a tensor.</summary>
/// <param name="Bytes">The tensor's size in bytes.</param>
/// <param name="Cost">The added KL divergence.</param>
internal readonly record struct Choice(long Bytes, double Cost);

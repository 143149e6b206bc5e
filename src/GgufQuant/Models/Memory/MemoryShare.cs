namespace GgufQuant.Models;

/// <summary>A model's memory on one device, in bytes.</summary>
/// <param name="Weights">Tensors.</param>
/// <param name="Cache">Cached keys and values.</param>
/// <param name="State">Recurrent states.</param>
/// <param name="Compute">Compute buffers.</param>
public sealed record MemoryShare(long Weights, long Cache, long State, long Compute)
{
    /// <summary>Total bytes.</summary>
    public long Total => Bounded((Int128)Weights + Cache + State + Compute);

    private static long Bounded(Int128 bytes) => bytes > long.MaxValue ? long.MaxValue : (long)bytes;
}

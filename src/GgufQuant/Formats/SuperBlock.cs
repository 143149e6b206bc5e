namespace GgufQuant.Formats;

/// <summary>What all K formats share.</summary>
internal static class SuperBlock
{
    /// <summary>Weights per super-block (ggml's <c>QK_K</c>).</summary>
    public const int Size = 256;

    /// <summary>A block whose greatest magnitude is below this counts as zero (ggml's <c>GROUP_MAX_EPS</c>).</summary>
    public const float Negligible = 1e-15f;

    /// <summary>The weights of consecutive super-blocks, padded with zeros to a whole batch.</summary>
    /// <param name="weights">All weights.</param>
    /// <param name="first">The number of the batch's first super-block.</param>
    /// <param name="count">Number of super-blocks left for it.</param>
    /// <param name="padded">Memory for a whole batch.</param>
    public static ReadOnlySpan<float> Batch(ReadOnlySpan<float> weights, int first, int count, Span<float> padded)
    {
        ReadOnlySpan<float> batch = weights.Slice(first * Size, count * Size);
        if (batch.Length == padded.Length)
            return batch;
        batch.CopyTo(padded);
        padded[batch.Length..].Clear();
        return padded;
    }
}

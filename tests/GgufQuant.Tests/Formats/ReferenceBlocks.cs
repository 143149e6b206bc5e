using GgufQuant.Formats;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Formats;

/// <summary>Compares the blocks of a kernel with those of ggml's own library.</summary>
internal static class ReferenceBlocks
{
    internal const int RowLength = 1024;

    /// <summary>Asserts that rows of <see cref="RowLength"/> weights become the same blocks.</summary>
    /// <param name="type">The type.</param>
    /// <param name="weights">The rows.</param>
    /// <param name="importance">A factor per column, or none.</param>
    /// <param name="description">What the weights are.</param>
    internal static void AssertSame(GgmlType type, float[] weights, float[] importance, string description)
    {
        byte[] blocks = new byte[BlockFormat.Of(type).ByteCount(weights.Length)];
        BlockFormat.Of(type).Quantize(weights, RowLength, importance, blocks);
        Assert.True(ReferenceCodec.Quantize(type, weights, RowLength, importance).AsSpan().SequenceEqual(blocks), $"{description} differs.");
    }

    /// <summary>The same for a few magnitudes and factors, with which many choices are equally good but for the order of their sums.</summary>
    internal static void AssertTiesAreSame(GgmlType type, int rows, int seed)
    {
        Random random = new(seed);
        float[] importance = [.. Enumerable.Range(0, RowLength).Select(i => i < RowLength / 2 ? 1f : 1 + (i % 2))];
        for (int magnitudes = 2; magnitudes <= 6; magnitudes++)
        {
            float[] weights = [.. Enumerable.Range(0, rows * RowLength).Select(_ => 0.37f * random.Next(1 - magnitudes, magnitudes))];
            AssertSame(type, weights, importance, $"{magnitudes} magnitudes");
        }
    }
}

using GgufQuant.Formats;
using GgufQuant.Reference;
using GgufQuant.Simd;

namespace GgufQuant.Benchmarks;

/// <summary>Weights like a model's, their importance, and their blocks.</summary>
public sealed class KernelInput
{
    /// <summary>Weights per row: a common width.</summary>
    public const int RowLength = 4096;

    /// <summary>Generates rows of Gaussian weights.</summary>
    public KernelInput(BlockFormat format, int rows)
    {
        Random random = new(20);
        Weights = CacheLines.Allocate(rows * RowLength);
        foreach (ref float weight in Weights.Span)
            weight = (float)(0.02 * Gaussian(random));
        Importance = new float[RowLength];
        for (int i = 0; i < RowLength; i++)
            Importance[i] = (float)Math.Pow(Gaussian(random), 2);
        Blocks = new byte[format.ByteCount(Weights.Length)];
        Output = CacheLines.Allocate(Weights.Length);
        if (format.CanQuantize)
            ReferenceCodec.Quantize(format.Type, Weights.Span, RowLength, Importance, Blocks);
        else
            random.NextBytes(Blocks);
    }

    /// <summary>The weights, in memory allocated as the pipeline does.</summary>
    public Memory<float> Weights { get; }

    /// <summary>One factor per column.</summary>
    public float[] Importance { get; }

    /// <summary>The weights in the format, and the output of quantizing.</summary>
    public byte[] Blocks { get; }

    /// <summary>The output of dequantizing.</summary>
    public Memory<float> Output { get; }

    /// <summary>A standard normal number.</summary>
    internal static double Gaussian(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}

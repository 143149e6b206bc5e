using GgufQuant.Formats;
using GgufQuant.IO;

namespace GgufQuant.Gpu;

/// <summary>Small quantizations that compare card and processor, because a driver's claims are not enough.</summary>
internal static class SelfTest
{
    private const int RowLength = 4096;
    private const int Rows = 16;

    /// <summary>Compares every byte for the given types, which also compiles their kernels.</summary>
    /// <returns>What differs, or null.</returns>
    /// <exception cref="GpuException">The driver reports an error.</exception>
    /// <exception cref="OperationCanceledException">The token was signalled, which is checked between types.</exception>
    internal static string? Run(
        IGpuDriver driver, IReadOnlyCollection<GgmlType> types, IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        float[] weights = new float[RowLength * Rows];
        float[] importance = new float[RowLength];
        Random random = new(1);
        for (int i = 0; i < weights.Length; i++)
        {
            // One row per magnitude, from denormal to huge; magnitudes that overflow a type's scale are left to the processor.
            float size = MathF.ScaleB(1, -140 + (i / RowLength * 10));
            weights[i] = random.Next(16) == 0 ? random.Next(2) == 0 ? 0f : -0f : (random.NextSingle() - 0.5f) * (random.NextSingle() - 0.5f) * size;
        }
        for (int i = 0; i < RowLength; i++)
            importance[i] = random.Next(16) == 0 ? 0 : random.NextSingle();

        Sample[] samples =
        [
            Sample.Of(GgmlType.F32, weights, []),
            Sample.Of(GgmlType.BF16, weights, importance),
            Sample.Of(GgmlType.F16, weights, importance),
        ];
        using GpuJob job = new(driver);
        int done = 0;
        foreach (GgmlType type in types)
        {
            token.ThrowIfCancellationRequested();
            progress?.Report(new($"Trying {BlockFormat.Of(type)} on {driver.Name}", (double)done++ / types.Count));
            bool isPlainPossible = BlockFormat.Of(type).Importance != ImatrixSupport.Required;
            if (samples.Any(sample => (isPlainPossible || sample.Importance.Length > 0) && Differs(job, type, sample)))
                return $"Its {BlockFormat.Of(type)} differs from the processor's.";
        }
        return null;
    }

    private static bool Differs(GpuJob job, GgmlType type, Sample sample)
    {
        BlockFormat format = BlockFormat.Of(type);
        byte[] expected = new byte[format.ByteCount(sample.Weights.Length)];
        byte[] actual = new byte[expected.Length];
        format.Quantize(sample.Weights, RowLength, sample.Importance, expected);
        return !job.Run(KernelPlan.Find(type)!, new(sample.Type, type, RowLength, Rows, sample.Importance, sample.Source, actual))
            || !expected.AsSpan().SequenceEqual(actual);
    }

    /// <summary>Weights as stored in a source type, and as read back.</summary>
    private sealed record Sample(GgmlType Type, byte[] Source, float[] Weights, float[] Importance)
    {
        internal static Sample Of(GgmlType type, float[] weights, float[] importance)
        {
            BlockFormat format = BlockFormat.Of(type);
            byte[] source = new byte[format.ByteCount(weights.Length)];
            float[] read = new float[weights.Length];
            format.Quantize(weights, RowLength, [], source);
            format.Dequantize(source, read);
            return new(type, source, read, importance);
        }
    }
}

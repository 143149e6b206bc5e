using System.Runtime.InteropServices;
using GgufQuant.Formats;

namespace GgufQuant.Gpu;

/// <summary>A small conversion of every type, card against processor: what a driver claims is not enough.</summary>
internal static class SelfTest
{
    private const int RowLength = 4096;
    private const int Rows = 16;

    /// <summary>Compares every byte.</summary>
    /// <returns>What differs, or null.</returns>
    /// <exception cref="GpuException">The driver reports an error.</exception>
    internal static string? Run(IGpuDriver driver)
    {
        float[] weights = new float[RowLength * Rows];
        float[] importance = new float[RowLength];
        Random random = new(1);
        for (int i = 0; i < weights.Length; i++)
        {
            // A row each from denormal to huge; what overflows a type's scale is not for the card.
            float size = MathF.ScaleB(1, -140 + (i / RowLength * 10));
            weights[i] = random.Next(16) == 0 ? random.Next(2) == 0 ? 0f : -0f : (random.NextSingle() - 0.5f) * (random.NextSingle() - 0.5f) * size;
        }
        for (int i = 0; i < RowLength; i++)
            importance[i] = random.Next(16) == 0 ? 0 : random.NextSingle();

        using GpuJob job = new(driver.CreateQueue());
        foreach (GgmlType type in KernelPlan.Types)
        {
            bool isPlainPossible = BlockFormat.Of(type).Importance != ImportanceUse.Required;
            if ((isPlainPossible && Differs(job, type, weights, [])) || Differs(job, type, weights, importance))
                return $"Its {BlockFormat.Of(type)} differs from the processor's.";
        }
        return null;
    }

    private static bool Differs(GpuJob job, GgmlType type, float[] weights, float[] importance)
    {
        BlockFormat format = BlockFormat.Of(type);
        byte[] expected = new byte[format.ByteCount(weights.Length)];
        byte[] actual = new byte[expected.Length];
        format.Quantize(weights, RowLength, importance, expected);
        byte[] source = MemoryMarshal.AsBytes<float>(weights).ToArray();
        return !job.Run(KernelPlan.Find(type)!, new(GgmlType.F32, type, RowLength, Rows, importance, source, actual))
            || !expected.AsSpan().SequenceEqual(actual);
    }
}

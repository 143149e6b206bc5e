using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Gpu;

namespace GgufQuant.GpuCheck;

/// <summary>Every kernel over every class of weights, compared with the processor.</summary>
internal static class Verification
{
    private const int RowLength = 4096;
    private const int Rows = 64;

    /// <returns>The number of blocks that differ.</returns>
    internal static long Run(IGpuDriver driver)
    {
        using GpuJob job = new(driver);
        long blocks = 0;
        long differing = 0;
        foreach (string name in WeightData.Classes)
        {
            float[] weights = WeightData.Make(name, RowLength * Rows);
            foreach (GgmlType type in KernelPlan.Types)
            {
                foreach (float[] importance in (float[][])[[], WeightData.MakeImportance(RowLength)])
                {
                    if (importance.Length == 0 && BlockFormat.Of(type).Importance == ImatrixSupport.Required)
                        continue;
                    long found = Differing(job, type, weights, importance);
                    if (found > 0)
                        Console.WriteLine($"{BlockFormat.Of(type)}, {name}{(importance.Length > 0 ? " with importance" : "")}: {found} blocks differ.");
                    differing += found;
                    blocks += weights.Length / BlockFormat.Of(type).BlockSize;
                }
            }
        }
        Console.WriteLine($"Differing blocks: {differing:N0} of {blocks:N0}.\n");
        return differing;
    }

    private static long Differing(GpuJob job, GgmlType type, float[] weights, float[] importance)
    {
        BlockFormat format = BlockFormat.Of(type);
        byte[] expected = new byte[format.ByteCount(weights.Length)];
        byte[] actual = new byte[expected.Length];
        byte[] source = MemoryMarshal.AsBytes<float>(weights).ToArray();
        bool finite = job.Run(KernelPlan.Find(type)!, new(GgmlType.F32, type, RowLength, Rows, importance, source, actual));
        bool sound = Quantize(format, weights, importance, expected);
        if (!sound || !finite)
            return sound == finite ? 0 : expected.Length / format.BlockBytes;
        long differing = 0;
        for (int at = 0; at < expected.Length; at += format.BlockBytes)
            differing += expected.AsSpan(at, format.BlockBytes).SequenceEqual(actual.AsSpan(at, format.BlockBytes)) ? 0 : 1;
        return differing;
    }

    // Whether the processor accepts the weights and all scales are finite.
    private static bool Quantize(BlockFormat format, float[] weights, float[] importance, byte[] blocks)
    {
        try
        {
            format.Quantize(weights, RowLength, importance, blocks);
            return BlockValidation.FindInvalid(format, blocks) < 0;
        }
        catch (ArithmeticException)
        {
            return false;
        }
    }
}

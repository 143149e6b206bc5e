using GgufQuant.Formats;

namespace GgufQuant.Benchmarks;

/// <summary>The factor over the reference's speed that a kernel must reach.</summary>
/// <param name="Ratio">The ratio of throughputs.</param>
/// <param name="OrMemorySpeed">Whether moving bytes at four fifths of a copy's speed is enough, too.</param>
internal readonly record struct SpeedBar(double Ratio, bool OrMemorySpeed)
{
    /// <summary>The share of a copy's speed that is enough.</summary>
    public const double MemoryShare = 0.8;

    /// <summary>The bar of a kernel; three fifths of it without AVX-512.</summary>
    public static SpeedBar Of(KernelOperation operation, bool hasAvx512)
    {
        SpeedBar bar = WithAvx512(operation);
        return hasAvx512 ? bar : bar with { Ratio = bar.Ratio * 0.6 };
    }

    private static SpeedBar WithAvx512(KernelOperation operation)
    {
        string name = operation.Format.Name;
        if (operation.Work == KernelWork.Dequantize)
            return new(name.StartsWith("iq", StringComparison.Ordinal) || name.StartsWith("tq", StringComparison.Ordinal) ? 2 : 1, false);
        return operation.Format.Type switch
        {
            GgmlType.Q2_K or GgmlType.Q4_K or GgmlType.Q5_K or GgmlType.Q6_K => new(12, false),
            GgmlType.Q3_K => new(operation.Work == KernelWork.Quantize ? 8 : 10, false),
            GgmlType.IQ1_S or GgmlType.IQ1_M => new(10, false),
            GgmlType.Q4_0 or GgmlType.Q4_1 or GgmlType.Q5_0 or GgmlType.Q5_1 =>
                new(operation.Work == KernelWork.Quantize ? 2 : 12, false),
            _ => name.StartsWith("iq", StringComparison.Ordinal) ? new(12, false) : new(2, true),
        };
    }
}

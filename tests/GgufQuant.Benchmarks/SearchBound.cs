using System.Runtime.Intrinsics;
using GgufQuant.Formats;

namespace GgufQuant.Benchmarks;

/// <summary>The speed at which the vector units alone could try all scales of a search, in ggml's order of additions.</summary>
internal static class SearchBound
{
    // Level: subtract, multiply, add, clamp twice, subtract; sums: three multiplications, three additions; error: two of each,
    // a subtraction and a square.
    private const int PerScaleAndMinimum = 18;

    // Level: multiply, add, clamp once, subtract; sums: three multiplications, two additions.
    private const int PerScale = 9;

    /// <summary>Vector instructions for as many weights as a vector has lanes; null for kernels without such a search.</summary>
    public static int? Instructions(KernelOperation operation)
    {
        bool isWeighed = operation.Work == KernelWork.QuantizeWithImportance;
        return operation.Work == KernelWork.Dequantize ? null : operation.Format.Type switch
        {
            GgmlType.Q4_K when !isWeighed => PerScaleAndMinimum * 22,
            GgmlType.Q2_K or GgmlType.Q5_K when !isWeighed => PerScaleAndMinimum * 17,
            GgmlType.Q2_K or GgmlType.Q4_K or GgmlType.Q5_K => PerScaleAndMinimum * 38,
            GgmlType.Q4_1 or GgmlType.Q5_1 when isWeighed => PerScaleAndMinimum * 38,
            GgmlType.Q6_K => PerScale * 19,
            GgmlType.Q3_K or GgmlType.Q4_0 or GgmlType.Q5_0 when isWeighed => PerScale * 19,
            _ => null,
        };
    }

    /// <summary>Weights per second, if the core did nothing else.</summary>
    /// <param name="instructions">As of <see cref="Instructions"/>.</param>
    public static double Weights(int instructions)
    {
        int lanes = Vector512.IsHardwareAccelerated ? Vector512<float>.Count
            : Vector256.IsHardwareAccelerated ? Vector256<float>.Count
            : Vector128<float>.Count;
        double instructionsPerSecond = MultiplyAddPeak.Measure() / lanes;
        return instructionsPerSecond * lanes / instructions;
    }
}

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

    private static int Lanes => Vector512.IsHardwareAccelerated ? Vector512<float>.Count
        : Vector256.IsHardwareAccelerated ? Vector256<float>.Count
        : Vector128<float>.Count;

    /// <summary>Vector instructions per weight; null for kernels without such a search.</summary>
    public static double? InstructionsPerWeight(KernelOperation operation, KernelInput input) =>
        (double?)PerVector(operation) / Lanes ?? OfGrid(operation, input);

    // For as many weights as a vector has lanes.
    private static int? PerVector(KernelOperation operation)
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

    private static double? OfGrid(KernelOperation operation, KernelInput input) => operation.Work == KernelWork.Dequantize ? null : operation.Format.Type switch
    {
        GgmlType.IQ2_XXS => OfGrid<IQ2_XXS>(input),
        GgmlType.IQ2_XS => OfGrid<IQ2_XS>(input),
        GgmlType.IQ2_S => OfGrid<IQ2_S>(input),
        GgmlType.IQ3_XXS => OfGrid<IQ3_XXS>(input),
        GgmlType.IQ3_S => OfGrid<IQ3_S>(input),
        _ => null,
    };

    private static double OfGrid<TFormat>(KernelInput input)
        where TFormat : struct, IGridFormat
    {
        float[] factors = new float[input.Weights.Length];
        ReadOnlySpan<float> weights = input.Weights.Span;
        for (int block = 0; block < weights.Length; block += TFormat.BlockSize)
        {
            float sum = 0;
            for (int i = block; i < block + TFormat.BlockSize; i++)
                sum += weights[i] * weights[i];
            float variance = TFormat.VarianceFactor * sum / TFormat.BlockSize;
            for (int i = block; i < block + TFormat.BlockSize; i++)
                factors[i] = input.Importance[i % KernelInput.RowLength] * MathF.Sqrt(variance + (weights[i] * weights[i]));
        }
        return GridSearchBound<TFormat>.PerWeight(weights, factors, Lanes);
    }

    /// <summary>Weights per second, if the core did nothing else.</summary>
    /// <param name="instructionsPerWeight">As of <see cref="InstructionsPerWeight"/>.</param>
    public static double Weights(double instructionsPerWeight) => MultiplyAddPeak.Measure() / Lanes / instructionsPerWeight;
}

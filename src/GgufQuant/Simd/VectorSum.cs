using System.Runtime.Intrinsics;

namespace GgufQuant.Simd;

/// <summary>Sums of lanes in the same order on every processor.</summary>
internal static class VectorSum
{
    /// <summary>The lanes added from first to last; the built-in sum does not specify the order.</summary>
    public static double Of(Vector512<double> vector)
    {
        double sum = 0;
        for (int lane = 0; lane < Vector512<double>.Count; lane++)
            sum += vector[lane];
        return sum;
    }
}

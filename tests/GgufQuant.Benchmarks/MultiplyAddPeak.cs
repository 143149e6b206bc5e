using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GgufQuant.Benchmarks;

/// <summary>How fast a core multiplies and adds floats if it has nothing else to do.</summary>
internal static class MultiplyAddPeak
{
    private const int Steps = 1 << 20;

    // More chains than a core has multiply-adds in flight, and no more than fit its registers.
    private const int Chains = 12;

    /// <summary>Multiply-adds per second of processor time, at the widest vectors of the machine.</summary>
    public static double Measure()
    {
        TimeSpan start = Environment.CpuUsage.TotalTime;
        int lanes = Vector512.IsHardwareAccelerated ? Run512() : Vector256.IsHardwareAccelerated ? Run256() : Run128();
        return (double)Steps * Chains * lanes / (Environment.CpuUsage.TotalTime - start).TotalSeconds;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Run512()
    {
        Vector512<float> f = Vector512.Create(0.5f), t = Vector512.Create(1f);
        Vector512<float> a = t, b = t, c = t, d = t, e = t, g = t, h = t, i = t, j = t, k = t, l = t, m = t;
        for (int step = 0; step < Steps; step++)
        {
            a = Vector512.FusedMultiplyAdd(a, f, t);
            b = Vector512.FusedMultiplyAdd(b, f, t);
            c = Vector512.FusedMultiplyAdd(c, f, t);
            d = Vector512.FusedMultiplyAdd(d, f, t);
            e = Vector512.FusedMultiplyAdd(e, f, t);
            g = Vector512.FusedMultiplyAdd(g, f, t);
            h = Vector512.FusedMultiplyAdd(h, f, t);
            i = Vector512.FusedMultiplyAdd(i, f, t);
            j = Vector512.FusedMultiplyAdd(j, f, t);
            k = Vector512.FusedMultiplyAdd(k, f, t);
            l = Vector512.FusedMultiplyAdd(l, f, t);
            m = Vector512.FusedMultiplyAdd(m, f, t);
        }
        Keep(Vector512.Sum(a + b + c + d + e + g + h + i + j + k + l + m));
        return Vector512<float>.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Run256()
    {
        Vector256<float> f = Vector256.Create(0.5f), t = Vector256.Create(1f);
        Vector256<float> a = t, b = t, c = t, d = t, e = t, g = t, h = t, i = t, j = t, k = t, l = t, m = t;
        for (int step = 0; step < Steps; step++)
        {
            a = Vector256.FusedMultiplyAdd(a, f, t);
            b = Vector256.FusedMultiplyAdd(b, f, t);
            c = Vector256.FusedMultiplyAdd(c, f, t);
            d = Vector256.FusedMultiplyAdd(d, f, t);
            e = Vector256.FusedMultiplyAdd(e, f, t);
            g = Vector256.FusedMultiplyAdd(g, f, t);
            h = Vector256.FusedMultiplyAdd(h, f, t);
            i = Vector256.FusedMultiplyAdd(i, f, t);
            j = Vector256.FusedMultiplyAdd(j, f, t);
            k = Vector256.FusedMultiplyAdd(k, f, t);
            l = Vector256.FusedMultiplyAdd(l, f, t);
            m = Vector256.FusedMultiplyAdd(m, f, t);
        }
        Keep(Vector256.Sum(a + b + c + d + e + g + h + i + j + k + l + m));
        return Vector256<float>.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Run128()
    {
        Vector128<float> f = Vector128.Create(0.5f), t = Vector128.Create(1f);
        Vector128<float> a = t, b = t, c = t, d = t, e = t, g = t, h = t, i = t, j = t, k = t, l = t, m = t;
        for (int step = 0; step < Steps; step++)
        {
            a = Vector128.FusedMultiplyAdd(a, f, t);
            b = Vector128.FusedMultiplyAdd(b, f, t);
            c = Vector128.FusedMultiplyAdd(c, f, t);
            d = Vector128.FusedMultiplyAdd(d, f, t);
            e = Vector128.FusedMultiplyAdd(e, f, t);
            g = Vector128.FusedMultiplyAdd(g, f, t);
            h = Vector128.FusedMultiplyAdd(h, f, t);
            i = Vector128.FusedMultiplyAdd(i, f, t);
            j = Vector128.FusedMultiplyAdd(j, f, t);
            k = Vector128.FusedMultiplyAdd(k, f, t);
            l = Vector128.FusedMultiplyAdd(l, f, t);
            m = Vector128.FusedMultiplyAdd(m, f, t);
        }
        Keep(Vector128.Sum(a + b + c + d + e + g + h + i + j + k + l + m));
        return Vector128<float>.Count;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Keep(float _)
    {
    }
}

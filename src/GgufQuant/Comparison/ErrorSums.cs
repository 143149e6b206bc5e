using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using GgufQuant.Simd;

namespace GgufQuant.Comparison;

/// <summary>The sums behind every error measure, in double precision.</summary>
/// <param name="Differences">Σ(a-b)².</param>
/// <param name="References">Σa².</param>
/// <param name="Candidates">Σb².</param>
/// <param name="Products">Σab.</param>
/// <param name="Largest">The largest |a-b|; NaN if a weight is NaN.</param>
internal readonly record struct ErrorSums(double Differences, double References, double Candidates, double Products, double Largest)
{
    public static ErrorSums operator +(ErrorSums a, ErrorSums b) => new(
        a.Differences + b.Differences,
        a.References + b.References,
        a.Candidates + b.Candidates,
        a.Products + b.Products,
        Math.Max(a.Largest, b.Largest));

    /// <summary>√(Σ(a-b)²/Σa²): 0 for equal weights, infinite if only the reference is all zeros.</summary>
    public double RelativeRmsError => Differences == 0 ? 0 : Math.Sqrt(Differences / References);

    /// <summary>Σab/√(Σa²Σb²): 1 for weights that point the same way, and if both are all zeros.</summary>
    public double CosineSimilarity =>
        Differences == 0 ? 1
        : References == 0 || Candidates == 0 ? 0
        : Math.Clamp(Products / (Math.Sqrt(References) * Math.Sqrt(Candidates)), -1, 1);

    /// <summary>10 log₁₀(Σa²/Σ(a-b)²) in dB: infinite for equal weights.</summary>
    public double SignalToNoise => Differences == 0 ? double.PositiveInfinity : 10 * Math.Log10(References / Differences);

    /// <summary>Accumulates the sums over reference and candidate weights.</summary>
    /// <remarks>Always sixteen partial sums, so that the result does not depend on the processor's vector width.</remarks>
    public static ErrorSums Of(ReadOnlySpan<float> reference, ReadOnlySpan<float> candidate)
    {
        Vector512<double> differences = default, references = default, candidates = default, products = default;
        Vector512<double> differences2 = default, references2 = default, candidates2 = default, products2 = default;
        Vector512<double> largest = default;
        ref float a0 = ref MemoryMarshal.GetReference(reference);
        ref float b0 = ref MemoryMarshal.GetReference(candidate);
        int i = 0;
        for (; i <= reference.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            (Vector512<double> a, Vector512<double> a2) = Vector512.Widen(Vector512.LoadUnsafe(ref a0, (nuint)i));
            (Vector512<double> b, Vector512<double> b2) = Vector512.Widen(Vector512.LoadUnsafe(ref b0, (nuint)i));
            Vector512<double> d = a - b;
            Vector512<double> d2 = a2 - b2;
            differences += d * d;
            differences2 += d2 * d2;
            references += a * a;
            references2 += a2 * a2;
            candidates += b * b;
            candidates2 += b2 * b2;
            products += a * b;
            products2 += a2 * b2;
            largest = Vector512.Max(largest, Vector512.Max(Vector512.Abs(d), Vector512.Abs(d2)));
        }

        double max = 0;
        for (int lane = 0; lane < Vector512<double>.Count; lane++)
            max = Math.Max(max, largest[lane]);
        ErrorSums sums = new(
            VectorSum.Of(differences + differences2),
            VectorSum.Of(references + references2),
            VectorSum.Of(candidates + candidates2),
            VectorSum.Of(products + products2),
            max);
        for (; i < reference.Length; i++)
        {
            double a = reference[i];
            double b = candidate[i];
            sums += new ErrorSums((a - b) * (a - b), a * a, b * b, a * b, Math.Abs(a - b));
        }
        return sums;
    }
}

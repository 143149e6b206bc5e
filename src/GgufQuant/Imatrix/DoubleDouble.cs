using System.Numerics;

namespace GgufQuant.Imatrix;

/// <summary>Sums of about 106 bits, each a double and a correction of at most half a unit in its last place.</summary>
/// <remarks>Knuth's TwoSum, and Dekker's FastTwoSum to renormalize.</remarks>
internal static class DoubleDouble
{
    /// <summary>Adds a value to a sum.</summary>
    internal static void Add(ref double sum, ref double correction, double value)
    {
        double total = sum + value;
        double added = total - sum;
        double error = (sum - (total - added)) + (value - added) + correction;
        sum = total + error;
        correction = error - (sum - total);
    }

    /// <summary>The same for the first sums of spans, one per lane.</summary>
    internal static void Add(Span<double> sums, Span<double> corrections, Vector<double> values)
    {
        Vector<double> sum = new(sums);
        Vector<double> total = sum + values;
        Vector<double> added = total - sum;
        Vector<double> error = (sum - (total - added)) + (values - added) + new Vector<double>(corrections);
        sum = total + error;
        sum.CopyTo(sums);
        (error - (sum - total)).CopyTo(corrections);
    }
}

using System.Numerics;

namespace GgufQuant.Imatrix;

/// <summary>Sums over the inputs of one weight tensor.</summary>
/// <remarks>
/// Each sum is a double-double, <see cref="Squares"/> plus <see cref="Corrections"/>. The square of a float fits in a double, so the sum
/// is exact while the inputs of a column differ by factors below some 2^20, and beyond that only the last of its 106 bits depend
/// on the order: the parts of a text add up to the whole.
/// </remarks>
public sealed class ImatrixSums
{
    /// <summary>Empty sums.</summary>
    /// <param name="columns">Columns of all the tensor's matrices together.</param>
    /// <param name="counts">1 if all matrices see the same inputs, otherwise the number of matrices.</param>
    public ImatrixSums(long columns, int counts)
    {
        Squares = new double[columns];
        Corrections = new double[columns];
        Counts = new long[counts];
    }

    /// <summary>Σx² of each column, matrix after matrix.</summary>
    public double[] Squares { get; }

    /// <summary>What Σx² exceeds <see cref="Squares"/> by, at most half a unit in its last place.</summary>
    public double[] Corrections { get; }

    /// <summary>Input rows seen: one count for all matrices, or one per matrix.</summary>
    public long[] Counts { get; private set; }

    /// <summary>Input rows seen by a column.</summary>
    public long CountOf(int column) => Counts[column / (Squares.Length / Counts.Length)];

    /// <summary>Adds a row of inputs to a matrix's columns, without counting it.</summary>
    internal void Add(int matrix, ReadOnlySpan<float> row)
    {
        Span<double> squares = Squares.AsSpan(matrix * row.Length, row.Length);
        Span<double> corrections = Corrections.AsSpan(matrix * row.Length, row.Length);
        int i = 0;
        for (; i <= row.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(row[i..]), out Vector<double> low, out Vector<double> high);
            DoubleDouble.Add(squares[i..], corrections[i..], low * low);
            DoubleDouble.Add(squares[(i + Vector<double>.Count)..], corrections[(i + Vector<double>.Count)..], high * high);
        }
        for (; i < row.Length; i++)
            DoubleDouble.Add(ref squares[i], ref corrections[i], (double)row[i] * row[i]);
    }

    /// <summary>Replaces the single count for all matrices by one per matrix.</summary>
    internal void SplitCounts(int matrices)
    {
        if (Counts.Length == matrices)
            return;
        long[] counts = new long[matrices];
        counts.AsSpan().Fill(Counts[0]);
        Counts = counts;
    }

    /// <summary>Adds sums from another run; a single count stands for all matrices of the other.</summary>
    internal bool TryMerge(ImatrixSums other)
    {
        if (other.Squares.Length != Squares.Length || (Counts.Length != other.Counts.Length && Counts.Length != 1 && other.Counts.Length != 1))
            return false;
        if (other.Counts.Length > 1)
            SplitCounts(other.Counts.Length);
        for (int i = 0; i < Squares.Length; i++)
        {
            DoubleDouble.Add(ref Squares[i], ref Corrections[i], other.Squares[i]);
            DoubleDouble.Add(ref Squares[i], ref Corrections[i], other.Corrections[i]);
        }
        for (int i = 0; i < Counts.Length; i++)
            Counts[i] += other.Counts[other.Counts.Length == 1 ? 0 : i];
        return true;
    }
}

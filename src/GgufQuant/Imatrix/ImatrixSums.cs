using System.Numerics;

namespace GgufQuant.Imatrix;

/// <summary>Sums over the inputs of one weight tensor.</summary>
public sealed class ImatrixSums
{
    /// <summary>Empty sums.</summary>
    /// <param name="columns">Columns of all the tensor's matrices together.</param>
    /// <param name="counts">1 if all matrices see the same inputs, otherwise the number of matrices.</param>
    public ImatrixSums(long columns, int counts)
    {
        Squares = new double[columns];
        Counts = new long[counts];
    }

    /// <summary>Σx² of each column, matrix after matrix.</summary>
    public double[] Squares { get; }

    /// <summary>Input rows seen: one count for all matrices, or one per matrix.</summary>
    public long[] Counts { get; private set; }

    /// <summary>Input rows seen by a column.</summary>
    public long CountOf(int column) => Counts[column / (Squares.Length / Counts.Length)];

    /// <summary>Adds a row of inputs to a matrix's columns, without counting it.</summary>
    internal void Add(int matrix, ReadOnlySpan<float> row)
    {
        Span<double> squares = Squares.AsSpan(matrix * row.Length, row.Length);
        int i = 0;
        for (; i <= row.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(row[i..]), out Vector<double> low, out Vector<double> high);
            Accumulate(squares[i..], low);
            Accumulate(squares[(i + Vector<double>.Count)..], high);
        }
        for (; i < row.Length; i++)
            squares[i] += (double)row[i] * row[i];

        static void Accumulate(Span<double> sums, Vector<double> values) => (new Vector<double>(sums) + (values * values)).CopyTo(sums);
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
            Squares[i] += other.Squares[i];
        for (int i = 0; i < Counts.Length; i++)
            Counts[i] += other.Counts[other.Counts.Length == 1 ? 0 : i];
        return true;
    }
}

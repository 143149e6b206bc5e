namespace GgufQuant.Imatrix;

/// <summary>The importance of one weight tensor's columns.</summary>
public sealed class ImatrixEntry
{
    private readonly ValueRegion<float> _sums;
    private readonly ValueRegion<double>? _precise;
    private readonly float[] _counts;
    private readonly bool _isLegacy;

    internal ImatrixEntry(ValueRegion<float> sums, float[] counts, bool isLegacy, ValueRegion<double>? precise = null)
    {
        _precise = precise;
        _sums = sums;
        _counts = counts;
        _isLegacy = isLegacy;
    }

    /// <summary>The weight tensor.</summary>
    public string Name => _sums.Name;

    /// <summary>Input columns of all the tensor's matrices together.</summary>
    public int Columns => _sums.Length;

    /// <summary>Rows of input seen, one count per matrix or one for all; in the older format the number of calls.</summary>
    public IReadOnlyList<float> Counts => _counts;

    /// <summary>Columns in groups of 32 that all have importance 0: quantized with it, their weights would be lost.</summary>
    public int ErasedColumns { get; private set; }

    /// <summary>Reads Σx² of each column, matrix after matrix; in the older format the mean of x² times the calls.</summary>
    /// <exception cref="ImatrixFormatException">The file has shrunk since it was opened.</exception>
    public float[] ReadSums() => _sums.Read();

    /// <summary>Reads the mean of x² of each column, the factor the column is quantized with.</summary>
    /// <remarks>1 for the columns of a matrix that the text never used, which the older format encodes in the sums.</remarks>
    /// <exception cref="ImatrixFormatException">The file has shrunk since it was opened.</exception>
    public float[] ReadMeans()
    {
        float[] means = ReadSums();
        int columns = means.Length / _counts.Length;
        for (int i = 0; i < means.Length; i++)
        {
            float count = _counts[i / columns];
            if (count > 0)
                means[i] /= count;
            else if (!_isLegacy)
                means[i] = 1;
        }
        return means;
    }

    /// <summary>Reads the sums into memory, in full if the file is a part.</summary>
    /// <param name="sums">Receives Σx²; in the older format the mean of x² times the calls.</param>
    /// <exception cref="ImatrixFormatException">The file has shrunk since it was opened, or the two precisions do not agree.</exception>
    internal void ReadInto(ImatrixSums sums)
    {
        float[] squares = ReadSums();
        if (_precise is null)
        {
            for (int i = 0; i < squares.Length; i++)
                sums.Squares[i] = squares[i];
            return;
        }
        double[] precise = _precise.Read();
        for (int i = 0; i < squares.Length; i++)
        {
            double sum = precise[i];
            double correction = precise[squares.Length + i];
            if ((float)sum != squares[i] || sum + correction != sum)
                throw new ImatrixFormatException(_precise.Path, $"sums of '{Name}'", _precise.Offset + ((long)i * sizeof(double)), $"column {i} is not its sum in single precision");
            sums.Squares[i] = sum;
            sums.Corrections[i] = correction;
        }
    }

    /// <exception cref="ImatrixFormatException">A value is not finite, or is negative, which no mean of squares can be.</exception>
    internal void CheckValues()
    {
        float[] means = ReadMeans();
        ErasedColumns = CountErased(means, means.Length / _counts.Length);
        for (int i = 0; i < means.Length; i++)
        {
            if (!float.IsFinite(means[i]) || means[i] < 0)
                throw new ImatrixFormatException(_sums.Path, $"importance of '{Name}'", _sums.Offset + ((long)i * sizeof(float)), $"column {i} is {(means[i] < 0 ? "negative" : "not a finite number")}");
        }
    }

    private static int CountErased(ReadOnlySpan<float> means, int columns)
    {
        const int Group = 32;
        int erased = 0;
        for (int row = 0; row < means.Length; row += columns)
        {
            for (int start = row; start < row + columns; start += Group)
            {
                ReadOnlySpan<float> group = means[start..Math.Min(start + Group, row + columns)];
                if (!group.ContainsAnyExcept(0f))
                    erased += group.Length;
            }
        }
        return erased;
    }
}

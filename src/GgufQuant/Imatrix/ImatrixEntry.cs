namespace GgufQuant.Imatrix;

/// <summary>The importance of one weight tensor's columns.</summary>
public sealed class ImatrixEntry
{
    private readonly FloatRegion _sums;
    private readonly float[] _counts;
    private readonly bool _isLegacy;

    internal ImatrixEntry(FloatRegion sums, float[] counts, bool isLegacy)
    {
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

    /// <summary>Whether some matrix, usually an expert, has seen no input.</summary>
    public bool IsPartial => _counts.Any(count => count <= 0);

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

    /// <exception cref="ImatrixFormatException">A value is not finite, or is negative, which no mean of squares can be.</exception>
    internal void CheckValues()
    {
        float[] means = ReadMeans();
        for (int i = 0; i < means.Length; i++)
        {
            if (!float.IsFinite(means[i]) || means[i] < 0)
                throw new ImatrixFormatException(_sums.Path, $"importance of '{Name}'", _sums.Offset + ((long)i * sizeof(float)), $"column {i} is {(means[i] < 0 ? "negative" : "not a finite number")}");
        }
    }
}

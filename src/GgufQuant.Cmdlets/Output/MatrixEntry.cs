using GgufQuant.Imatrix;

namespace GgufQuant.Commands;

/// <summary>What an importance matrix says about one weight tensor.</summary>
public sealed class MatrixEntry
{
    private readonly ImatrixTensorStatistics _statistics;

    internal MatrixEntry(string path, ImatrixTensorStatistics statistics)
    {
        Path = path;
        _statistics = statistics;
    }

    /// <summary>The full path of the matrix.</summary>
    public string Path { get; }

    /// <summary>The weight tensor.</summary>
    public string Name => _statistics.Name;

    /// <summary>Input columns of all the tensor's matrices together.</summary>
    public int Columns => _statistics.Columns;

    /// <summary>Sum over columns of the mean squared input: how strongly the tensor is activated.</summary>
    public double Sum => _statistics.Sum;

    /// <summary>The smallest column's.</summary>
    public double Minimum => _statistics.Minimum;

    /// <summary>The largest column's.</summary>
    public double Maximum => _statistics.Maximum;

    /// <summary>The mean over columns.</summary>
    public double Mean => _statistics.Mean;

    /// <summary>The standard deviation over columns.</summary>
    public double StandardDeviation => _statistics.StandardDeviation;

    /// <summary>Share of columns with noticeable input, 0 to 1.</summary>
    public double ActiveShare => _statistics.ActiveShare;

    /// <summary>Entropy of the columns' shares, in bits.</summary>
    public double Entropy => _statistics.Entropy;

    /// <summary>The entropy relative to its maximum: 1 if all columns matter equally.</summary>
    public double RelativeEntropy => _statistics.RelativeEntropy;

    /// <summary>Share of columns more than one standard deviation above the mean.</summary>
    public double OutlierShare => _statistics.OutlierShare;

    /// <summary>Similarity to the same tensor one layer earlier; null in the first layer.</summary>
    public double? CosineSimilarity => _statistics.CosineSimilarity;

    /// <summary>The weight tensor's name.</summary>
    public override string ToString() => Name;
}

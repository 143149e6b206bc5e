using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>One tensor of a model, with statistics of its weights.</summary>
public sealed class MeasuredTensor : TensorInfo
{
    private readonly TensorStatistics _statistics;

    internal MeasuredTensor(GgufFile model, GgufTensor tensor, TensorStatistics statistics)
        : base(model, tensor) => _statistics = statistics;

    /// <summary>The smallest finite weight.</summary>
    public double Minimum => _statistics.Minimum;

    /// <summary>The largest finite weight.</summary>
    public double Maximum => _statistics.Maximum;

    /// <summary>The mean of the finite weights.</summary>
    public double Mean => _statistics.Mean;

    /// <summary>The standard deviation of the finite weights.</summary>
    public double StandardDeviation => _statistics.StandardDeviation;

    /// <summary>The share of weights that are zero, 0 to 1.</summary>
    public double ZeroShare => _statistics.ZeroShare;

    /// <summary>Number of NaN weights.</summary>
    public long NaNCount => _statistics.NaNCount;

    /// <summary>Number of infinite weights.</summary>
    public long InfinityCount => _statistics.InfinityCount;
}

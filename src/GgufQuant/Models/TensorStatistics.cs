using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.Models;

/// <summary>Statistics of one tensor's weights.</summary>
/// <param name="ElementCount">Number of weights.</param>
/// <param name="Minimum">The smallest of the finite weights; NaN if there are none.</param>
/// <param name="Maximum">The largest of the finite weights; NaN if there are none.</param>
/// <param name="Mean">The mean of the finite weights; NaN if there are none.</param>
/// <param name="StandardDeviation">√(Σ(x-mean)²/n) over the finite weights; NaN if there are none.</param>
/// <param name="ZeroShare">Share of weights that are zero of either sign, 0 to 1.</param>
/// <param name="NaNCount">Number of NaN weights.</param>
/// <param name="InfinityCount">Number of infinite weights.</param>
public sealed record TensorStatistics(
    long ElementCount,
    double Minimum,
    double Maximum,
    double Mean,
    double StandardDeviation,
    double ZeroShare,
    long NaNCount,
    long InfinityCount)
{
    /// <summary>Computes the statistics of a tensor.</summary>
    /// <param name="file">The file.</param>
    /// <param name="tensor">One of its tensors.</param>
    /// <param name="threads">Maximum number of threads; 0 for one per core. The result does not depend on it.</param>
    /// <param name="progress">Receives progress.</param>
    /// <param name="token">Cancels the operation.</param>
    /// <exception cref="GgufFormatException">The file has changed since it was opened.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The operation was cancelled.</exception>
    public static TensorStatistics Measure(
        GgufFile file, GgufTensor tensor, int threads = 0,
        IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(tensor);
        WeightMoments total = WeightMoments.None;
        TensorScan.Run(
            [tensor],
            (_, start, count, buffers) => WeightMoments.Of(buffers.ReadFirst(file, tensor, start, count)),
            (_, _, chunk) => total = WeightMoments.Combine(total, chunk),
            threads,
            progress,
            token);

        bool any = total.Count > 0;
        return new TensorStatistics(
            tensor.ElementCount,
            any ? total.Minimum : double.NaN,
            any ? total.Maximum : double.NaN,
            any ? total.Mean : double.NaN,
            any ? Math.Sqrt(total.SquaredDeviations / total.Count) : double.NaN,
            tensor.ElementCount == 0 ? 0 : (double)total.Zeros / tensor.ElementCount,
            total.NaNs,
            total.Infinities);
    }
}

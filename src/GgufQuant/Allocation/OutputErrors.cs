using System.Diagnostics;
using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.Allocation;

/// <summary>Measures what types do to the outputs of tensors.</summary>
internal static class OutputErrors
{
    // Larger tensors are measured on a sample of their rows.
    private const int MostWeights = 1 << 20;
    private const int FewestRows = 128;

    /// <summary>Rows of a tensor that its errors are measured on.</summary>
    public static int SampleOf(GgufTensor tensor) =>
        (int)Math.Min(tensor.RowCount, Math.Max(FewestRows, MostWeights / tensor.RowLength));

    /// <summary>Measures the errors of tensors.</summary>
    /// <param name="model">The model.</param>
    /// <param name="calibration">The moments of its inputs.</param>
    /// <param name="wanted">Tensors and types; a null type stands for zeros, whose error is the outputs' own size.</param>
    /// <param name="threads">Threads to use; nothing depends on it.</param>
    /// <param name="progress">Told after each tensor and type.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="Planning.QuantizationException">A weight is not finite.</exception>
    /// <exception cref="CalibrationException">The calibration is damaged.</exception>
    public static IReadOnlyDictionary<(string Tensor, GgmlType? Type), OutputError> Measure(
        GgufFile model, CalibrationFile calibration, IReadOnlyList<(GgufTensor Tensor, GgmlType? Type)> wanted, int threads,
        IProgress<WorkProgress>? progress, CancellationToken token)
    {
        Dictionary<(string, GgmlType?), OutputError> errors = [];
        long start = Stopwatch.GetTimestamp();
        long all = wanted.Sum(one => SampleOf(one.Tensor) * one.Tensor.RowLength);
        long done = 0;
        foreach (IGrouping<InputMoments?, (GgufTensor Tensor, GgmlType? Type)> sharing in wanted.GroupBy(one => calibration.MomentsOf(one.Tensor)))
        {
            RoundingFactor? factor = sharing.Key is { } moments ? RoundingFactor.Create(moments, threads, token) : null;
            foreach (IGrouping<GgufTensor, (GgufTensor Tensor, GgmlType? Type)> types in sharing.GroupBy(one => one.Tensor))
            {
                TensorRounding rounding = new(model, types.Key, calibration, factor);
                int sample = SampleOf(types.Key);
                foreach ((GgufTensor tensor, GgmlType? type) in types)
                {
                    errors[(tensor.Name, type)] = rounding.Round(type, sample, threads, null, token);
                    done += sample * tensor.RowLength;
                    progress?.Report(WorkProgress.Of($"{tensor.Name}, {(type is { } named ? BlockFormat.Of(named) : "its outputs")}", done, all, start));
                }
            }
        }
        return errors;
    }
}

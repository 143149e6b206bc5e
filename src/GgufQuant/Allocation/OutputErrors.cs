using System.Diagnostics;
using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Planning;

namespace GgufQuant.Allocation;

/// <summary>Measures the errors that types cause in the outputs of tensors.</summary>
internal static class OutputErrors
{
    // Larger tensors are measured on a sample of their rows.
    private const int MostWeights = 1 << 20;
    private const int FewestRows = 128;

    private const int QuickRows = 32;

    // From each matrix of a stack, so that the spread of its rows is known.
    private const int FewestRowsPerMatrix = 8;

    /// <summary>The number of a tensor's rows that its errors are measured on.</summary>
    public static int SampleOf(GgufTensor tensor, bool isQuick = false) =>
        (int)Math.Min(tensor.RowCount, isQuick ? QuickRows : Math.Max(FewestRows, MostWeights / tensor.RowLength));

    /// <summary>Measures the errors of tensors. Moments that tensors share are factorized once.</summary>
    /// <param name="model">The model.</param>
    /// <param name="calibration">The moments of its inputs.</param>
    /// <param name="wanted">Tensors and types; a null type stands for zeros, whose error is the size of the outputs.</param>
    /// <param name="options">How to measure.</param>
    /// <param name="progress">Reports each tensor and type that is done.</param>
    /// <param name="token">Cancels the operation.</param>
    /// <exception cref="QuantizationException">A weight is not finite, or the budget is too small.</exception>
    /// <exception cref="CalibrationException">The calibration is damaged.</exception>
    public static IReadOnlyDictionary<(string Tensor, GgmlType? Type), OutputError> Measure(
        GgufFile model, CalibrationFile calibration, IReadOnlyList<(GgufTensor Tensor, GgmlType? Type)> wanted, MeasuringOptions options,
        IProgress<WorkProgress>? progress, CancellationToken token)
    {
        Dictionary<(string, GgmlType?), OutputError> errors = [];
        long start = Stopwatch.GetTimestamp();
        long all = wanted.Sum(one => SampleOf(one.Tensor, options.IsQuick) * one.Tensor.RowLength);
        double done = 0;
        IGrouping<InputMoments?, (GgufTensor Tensor, GgmlType? Type)>[] inputs = [.. wanted.GroupBy(one => calibration.MomentsOf(one.Tensor))];
        RoundingBudget.Check(inputs.Select(sharing => sharing.Key), options.MemoryBudget);
        foreach (IGrouping<InputMoments?, (GgufTensor Tensor, GgmlType? Type)> sharing in inputs)
        {
            int matrices = Math.Max(1, sharing.Key?.Matrices.Count ?? 1);
            for (int matrix = 0; matrix < matrices; matrix++)
            {
                RoundingFactor? factor = sharing.Key is { } moments ? RoundingFactor.Create(moments.OfMatrix(matrix), options.Threads, token) : null;
                foreach (IGrouping<GgufTensor, (GgufTensor Tensor, GgmlType? Type)> types in sharing.GroupBy(one => one.Tensor))
                {
                    TensorRounding rounding = new(model, types.Key, calibration, factor, matrix, matrices);
                    int sample = SampleOf(types.Key, options.IsQuick);
                    int sampleOfMatrix = Math.Min(rounding.RowCount, Math.Max(sample / matrices, matrices > 1 ? FewestRowsPerMatrix : 1));
                    int threads = ThreadsWithin(options, types.Key.RowLength);
                    foreach ((GgufTensor tensor, GgmlType? type) in types)
                    {
                        OutputError error = rounding.Round(type, sampleOfMatrix, threads, null, token);
                        errors[(tensor.Name, type)] = errors.GetValueOrDefault((tensor.Name, type)).Plus(error);
                        done += (double)sample * tensor.RowLength / matrices;
                        progress?.Report(WorkProgress.Of($"{tensor.Name}, {(type is { } named ? BlockFormat.Of(named) : "its outputs")}", (long)done, all, start));
                    }
                }
            }
        }
        return errors;
    }

    private static int ThreadsWithin(MeasuringOptions options, long columns) =>
        (int)Math.Clamp((options.MemoryBudget - RoundingBudget.ForFactors(options.MemoryBudget)) / TensorRounding.BytesPerThread(columns), 1, options.Threads);
}

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
    /// <param name="method">How the weights are rounded.</param>
    /// <param name="options">How to measure.</param>
    /// <param name="progress">Reports each tensor and type that is done.</param>
    /// <param name="token">Cancels the operation.</param>
    /// <param name="measured">Receives the errors of the tensors that share an input, as soon as they are known.</param>
    /// <exception cref="QuantizationException">A weight is not finite, or the budget is too small.</exception>
    /// <exception cref="CalibrationException">The calibration is damaged.</exception>
    public static IReadOnlyDictionary<(string Tensor, GgmlType? Type), OutputError> Measure(
        GgufFile model, CalibrationFile calibration, IReadOnlyList<(GgufTensor Tensor, GgmlType? Type)> wanted, RoundingMethod method, MeasuringOptions options,
        IProgress<WorkProgress>? progress, CancellationToken token, Action<IReadOnlyDictionary<(string Tensor, GgmlType? Type), OutputError>>? measured = null)
    {
        Dictionary<(string, GgmlType?), OutputError> all = [];
        long start = Stopwatch.GetTimestamp();
        long work = wanted.Sum(one => SampleOf(one.Tensor, options.IsQuick) * one.Tensor.RowLength);
        double done = 0;
        RoundingBudget.Check(wanted.Select(one => calibration.MomentsOf(one.Tensor, method)), options.MemoryBudget);
        foreach (IGrouping<(InputMoments? Moments, GgufTensor? Alone), (GgufTensor Tensor, GgmlType? Type)> sharing in wanted.GroupBy(
            one => calibration.MomentsOf(one.Tensor, method) is { } moments ? (moments, null) : ((InputMoments?)null, (GgufTensor?)one.Tensor)))
        {
            Dictionary<(string, GgmlType?), OutputError> errors = [];
            int matrices = Math.Max(1, sharing.Key.Moments?.Matrices.Count ?? 1);
            for (int matrix = 0; matrix < matrices; matrix++)
            {
                RoundingFactor? factor = sharing.Key.Moments is { } moments ? RoundingFactor.Create(moments.OfMatrix(matrix), options.Threads, token) : null;
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
                        progress?.Report(WorkProgress.Of($"{tensor.Name}, {(type is { } named ? BlockFormat.Of(named) : "its outputs")}", (long)done, work, start));
                    }
                }
            }
            foreach (((string, GgmlType?) key, OutputError error) in errors)
                all.Add(key, error);
            measured?.Invoke(errors);
        }
        return all;
    }

    private static int ThreadsWithin(MeasuringOptions options, long columns) =>
        (int)Math.Clamp((options.MemoryBudget - RoundingBudget.ForFactors(options.MemoryBudget)) / TensorRounding.BytesPerThread(columns), 1, options.Threads);
}

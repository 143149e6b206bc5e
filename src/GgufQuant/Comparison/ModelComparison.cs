using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.Comparison;

/// <summary>Measures what quantizing did to a model's weights.</summary>
public static class ModelComparison
{
    /// <summary>Compares a model's weights with those of a reference.</summary>
    /// <param name="reference">The reference model.</param>
    /// <param name="candidate">The same model in other types.</param>
    /// <param name="threads">Maximum number of threads; 0 for one per core. The result does not depend on it.</param>
    /// <param name="progress">Receives progress.</param>
    /// <param name="token">Cancels the operation.</param>
    /// <exception cref="ModelMismatchException">The files are different models.</exception>
    /// <exception cref="GgufFormatException">A file has changed since it was opened.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The operation was cancelled.</exception>
    public static ModelError Measure(
        GgufFile reference, GgufFile candidate, int threads = 0,
        IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(candidate);
        GgufTensor[] candidates = ModelIdentity.Match(reference, candidate);
        IReadOnlyList<GgufTensor> references = reference.Tensors;
        ErrorSums[] sums = new ErrorSums[candidates.Length];
        TensorScan.Run(
            references,
            (tensor, start, count, buffers) => ErrorSums.Of(
                buffers.ReadFirst(reference, references[tensor], start, count),
                buffers.ReadSecond(candidate, candidates[tensor], start, count)),
            (tensor, _, chunk) => sums[tensor] += chunk,
            threads,
            progress,
            token);
        reference.ThrowIfChanged();
        candidate.ThrowIfChanged();

        TensorError[] errors = [.. references.Select((tensor, i) => Describe(tensor, candidates[i], sums[i]))];
        ErrorSums total = sums.Aggregate(default(ErrorSums), (sum, tensor) => sum + tensor);
        return new ModelError(
            references.Sum(tensor => tensor.ElementCount), total.RelativeRmsError, total.CosineSimilarity,
            total.SignalToNoise, total.Largest, FindWorst(errors), errors);
    }

    private static TensorError Describe(GgufTensor reference, GgufTensor candidate, ErrorSums sums) => new(
        reference.Name, reference.Type, candidate.Type, reference.ElementCount,
        sums.RelativeRmsError, sums.CosineSimilarity, sums.SignalToNoise, sums.Largest);

    private static TensorError? FindWorst(TensorError[] errors)
    {
        TensorError? worst = null;
        foreach (TensorError error in errors)
        {
            if (worst is null || error.RelativeRmsError > worst.RelativeRmsError
                || (double.IsNaN(error.RelativeRmsError) && !double.IsNaN(worst.RelativeRmsError)))
            {
                worst = error;
            }
        }
        return worst;
    }
}

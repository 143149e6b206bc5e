using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Advice;

/// <summary>Finds the types in which a model fits the available memory.</summary>
public static class QuantAdvisor
{
    private static readonly FileType[] s_unquantized = [FileType.F32, FileType.F16, FileType.BF16];

    /// <summary>Assesses every type with any evidence, from the model's header alone.</summary>
    /// <param name="file">The model; an already quantized one counts as the model it was quantized from.</param>
    /// <param name="budget">Bytes of memory available.</param>
    /// <param name="reserve">Bytes of the budget that should stay free; null for a tenth of it.</param>
    /// <param name="memory">How the model is run; null for the defaults.</param>
    /// <param name="withImportanceMatrix">Whether there will be an importance matrix: without one, types that need it are left out.</param>
    /// <param name="measured">Mean KL divergences measured on this model, by type; null for none.</param>
    /// <returns>What fits, best first, one of them recommended; then what does not fit, smallest first.</returns>
    public static IReadOnlyList<QuantAdvice> Find(
        GgufFile file,
        long budget,
        long? reserve = null,
        MemoryOptions? memory = null,
        bool withImportanceMatrix = false,
        IReadOnlyDictionary<FileType, double>? measured = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentOutOfRangeException.ThrowIfLessThan(budget, 1);
        long free = reserve ?? (long)(QuantAdvice.DefaultReserve * budget);
        ModelShape shape = ModelShape.Read(file);
        long header = file.Length - file.Tensors.Sum(tensor => tensor.ByteCount);
        List<QuantAdvice> advice = [];
        foreach ((FileType number, ExpectedQuality quality) in ExpectedQuality.OfTypes(withImportanceMatrix, measured))
        {
            QuantType type = QuantCatalog.Of(number);
            if (!withImportanceMatrix && type.Imatrix == ImatrixAdvice.Required)
                continue;
            if (WeightBytes(file, type, withImportanceMatrix && type.Imatrix != ImatrixAdvice.Ignored) is long weights)
                advice.Add(new(type, weights + header, MemoryEstimate.Of(weights, shape, memory), budget, quality) { Reserve = free });
        }
        QuantAdvice? best = Recommend(advice);
        return [.. advice
            .Select(entry => ReferenceEquals(entry, best) ? entry with { IsRecommended = true, Unquantized = Unquantized(advice) } : entry)
            .OrderBy(entry => entry.Fit == MemoryFit.TooLarge)
            .ThenBy(entry => entry.Fit == MemoryFit.TooLarge ? entry.Memory.Total : 0)
            .ThenBy(entry => entry.Quality.KlDivergence)];
    }

    // Never unquantized weights: Q8_0 predicts as well at half the size.
    private static QuantAdvice? Recommend(List<QuantAdvice> advice) => advice
        .Where(entry => entry.Fit != MemoryFit.TooLarge && !s_unquantized.Contains(entry.Type.Type))
        .OrderBy(entry => entry.Fit)
        .ThenBy(entry => entry.Quality.KlDivergence)
        .ThenBy(entry => entry.Memory.Total)
        .FirstOrDefault();

    private static QuantAdvice? Unquantized(List<QuantAdvice> advice) => advice
        .Where(entry => entry.Fit == MemoryFit.Comfortable && s_unquantized.Contains(entry.Type.Type))
        .MinBy(entry => entry.Memory.Total);

    // Null if the type does not suit the model's shapes.
    private static long? WeightBytes(GgufFile file, QuantType type, bool hasImportance)
    {
        try
        {
            return QuantizationPlan.ChooseTypes(file, type.Type, QuantizationOptions.Default, hasImportance)
                .Sum(tensor => tensor.ByteCount);
        }
        catch (QuantizationException)
        {
            return null;
        }
    }
}

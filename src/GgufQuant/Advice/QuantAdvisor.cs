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
    /// <param name="budget">Bytes of memory available, beside that of a graphics card; null to fit all layers on the card.</param>
    /// <param name="reserve">Bytes of the budget that should stay free; null for a tenth of it, and at most 1 GiB of a card's.</param>
    /// <param name="memory">How the model is run; null for the defaults.</param>
    /// <param name="withImportanceMatrix">Whether there will be an importance matrix: without one, types that need it are left out.</param>
    /// <param name="measured">Mean KL divergences measured on this model, by type; null for none.</param>
    /// <returns>What fits, best first, one of them recommended; then what does not fit, smallest first.</returns>
    public static IReadOnlyList<QuantAdvice> Find(
        GgufFile file,
        long? budget,
        long? reserve = null,
        MemoryOptions? memory = null,
        bool withImportanceMatrix = false,
        IReadOnlyDictionary<FileType, double>? measured = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (budget is { } bytes)
            ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1, nameof(budget));
        bool isForCard = budget is null;
        long available = budget ?? memory?.GpuMemory ?? throw new ArgumentNullException(nameof(budget), "There is neither memory nor a card's.");
        long free = reserve ?? (isForCard ? GpuPlacement.DefaultReserve(available) : (long)(QuantAdvice.DefaultReserve * available));
        ModelShape shape = ModelShape.Read(file);
        long header = file.Length - file.Tensors.Sum(tensor => tensor.ByteCount);
        List<QuantAdvice> advice = [];
        foreach ((FileType number, ExpectedQuality quality) in ExpectedQuality.OfTypes(withImportanceMatrix, measured))
        {
            QuantType type = QuantCatalog.Of(number);
            if (!withImportanceMatrix && type.Imatrix == ImatrixAdvice.Required)
                continue;
            if (TypesOf(file, type, withImportanceMatrix && type.Imatrix != ImatrixAdvice.Ignored) is { } tensors)
            {
                ModelWeights weights = ModelWeights.Of(tensors.Select(tensor => (tensor.Name, tensor.ByteCount)), shape);
                advice.Add(new(type, weights.Total + header, Estimate(weights), available, quality) { Reserve = free, IsForCard = isForCard });
            }
        }
        QuantAdvice? best = Recommend(advice);
        return [.. advice
            .Select(entry => ReferenceEquals(entry, best) ? entry with { IsRecommended = true, Unquantized = Unquantized(advice), WholeOnCard = WholeOnCard(advice, entry) } : entry)
            .OrderBy(entry => entry.Fit == MemoryFit.TooLarge)
            .ThenBy(entry => entry.Fit == MemoryFit.TooLarge ? entry.Memory.Total : 0)
            .ThenBy(entry => entry.Quality.KlDivergence)];

        // What has all layers on a card is compared with its memory; what has to be divided is divided by it.
        MemoryEstimate Estimate(ModelWeights weights)
        {
            if (!isForCard)
                return MemoryEstimate.Of(weights, shape, memory);
            MemoryEstimate whole = MemoryEstimate.Of(weights, shape, memory! with { GpuMemory = long.MaxValue, GpuReserve = 0 });
            return whole with { Placement = whole.Placement! with { GpuMemory = available, Reserve = free } };
        }
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

    private static QuantAdvice? WholeOnCard(List<QuantAdvice> advice, QuantAdvice best) => best.IsForCard || best.Memory.Placement is not { IsWhole: false }
        ? null
        : advice.Where(entry => entry.Fit == MemoryFit.Comfortable && entry.Memory.Placement!.IsWhole && !s_unquantized.Contains(entry.Type.Type))
            .MinBy(entry => entry.Quality.KlDivergence);

    // Null if the type does not suit the model's shapes.
    private static IReadOnlyList<PlannedTensor>? TypesOf(GgufFile file, QuantType type, bool hasImportance)
    {
        try
        {
            return QuantizationPlan.ChooseTypes(file, type.Type, QuantizationOptions.Default, hasImportance);
        }
        catch (QuantizationException)
        {
            return null;
        }
    }
}

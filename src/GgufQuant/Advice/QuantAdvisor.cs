using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Advice;

/// <summary>Finds the types in which a model fits the available memory.</summary>
public static class QuantAdvisor
{
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
        MemoryOptions options = memory ?? MemoryOptions.Default;
        AdviceRequest request = new(file, budget, reserve, options);
        return [.. Mark([.. request.Candidates(withImportanceMatrix, measured).Select(candidate => request.Advise(candidate, options))])
            .OrderBy(entry => entry.Fit == MemoryFit.TooLarge)
            .ThenBy(entry => entry.Fit == MemoryFit.TooLarge ? entry.Memory.Total : 0)
            .ThenBy(entry => entry.Quality.KlDivergence)];
    }

    /// <summary>Marks the recommended entry, in place; none if nothing fits.</summary>
    internal static IEnumerable<QuantAdvice> Mark(IReadOnlyList<QuantAdvice> advice)
    {
        QuantAdvice? best = Recommend(advice);
        return advice.Select(entry => ReferenceEquals(entry, best) ? entry with { IsRecommended = true, Unquantized = Unquantized(advice), WholeOnCard = WholeOnCard(advice, entry) } : entry);
    }

    // Unquantized weights only where nothing else is possible: Q8_0 predicts as well at half the size.
    internal static QuantAdvice? Recommend(IEnumerable<QuantAdvice> advice) => advice
        .Where(entry => entry.Fit != MemoryFit.TooLarge)
        .OrderBy(entry => entry.IsUnquantized)
        .ThenBy(entry => entry.Fit)
        .ThenBy(entry => entry.Quality.KlDivergence)
        .ThenBy(entry => entry.Memory.Total)
        .FirstOrDefault();

    private static QuantAdvice? Unquantized(IEnumerable<QuantAdvice> advice) => advice
        .Where(entry => entry.Fit == MemoryFit.Comfortable && entry.IsUnquantized)
        .MinBy(entry => entry.Memory.Total);

    private static QuantAdvice? WholeOnCard(IEnumerable<QuantAdvice> advice, QuantAdvice best) => best.IsForCard || best.Memory.Placement is not { IsWhole: false }
        ? null
        : advice.Where(entry => entry.Fit == MemoryFit.Comfortable && entry.Memory.Placement!.IsWhole && !entry.IsUnquantized)
            .MinBy(entry => entry.Quality.KlDivergence);
}

using GgufQuant.Catalog;
using GgufQuant.Gguf;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>Finds the types in which a model fits into memory.</summary>
/// <param name="measured">Divergences measured on this model, by type.</param>
internal sealed class FitFinder(IReadOnlyDictionary<FileType, double> measured)
{
    /// <summary>The types that fit, the best expected quality first; one of them is recommended.</summary>
    internal IReadOnlyList<QuantTypeFit> Find(GgufFile model, long budget, long? contextLength, CacheType cacheType, bool hasMatrix)
    {
        ModelShape shape = ModelShape.Read(model);
        List<QuantTypeFit> fits =
        [
            .. from type in QuantCatalog.All
               where hasMatrix || type.Imatrix != ImatrixUse.Required
               let size = SizeOf(model, type)
               let memory = MemoryEstimate.Of(size, shape, contextLength, cacheType)
               where memory.Total <= budget
               let quality = QualityOf(type, hasMatrix)
               orderby quality.Loss ?? double.PositiveInfinity, size
               select new QuantTypeFit(type, model.Path, size, memory, budget, quality.Loss, quality.Source),
        ];
        // A model that fits unquantized fits in Q8_0 too, which nobody can tell from it.
        QuantTypeFit? best = fits.FirstOrDefault(fit =>
            fit.KlDivergence is not null
            && fit.Type is not (FileType.F32 or FileType.F16 or FileType.BF16)
            && IsExpected(QuantCatalog.Of(fit.Type), hasMatrix));
        if (best is not null)
            best.Recommendation = Recommend(best, budget);
        return fits;
    }

    private static string Recommend(QuantTypeFit fit, long budget) =>
        $"{fit.Type} takes {Formatting.Size(fit.Memory)} of {Formatting.Size(budget)}, and none of the types that fit is expected to lose less (KL divergence {Formatting.Measure(fit.KlDivergence)}, {fit.QualitySource}).";

    // Types that cannot be planned for want of a matrix or of a fallback are estimated by their bits.
    private static long SizeOf(GgufFile model, QuantType type)
    {
        try
        {
            return QuantizationPlan.Create(model, type.Type, new() { AllowRequantize = true }).TensorBytes;
        }
        catch (QuantizationException)
        {
            return type.EstimateSize(model.Tensors.Sum(tensor => tensor.ElementCount));
        }
    }

    private (double? Loss, string? Source) QualityOf(QuantType type, bool hasMatrix)
    {
        if (measured.TryGetValue(type.Type, out double loss))
            return (loss, "measured on this model");
        PublishedQuality? published = type.Published.FirstOrDefault(row => row.KlDivergence is not null && row.Imatrix == hasMatrix)
            ?? type.Published.FirstOrDefault(row => row.KlDivergence is not null);
        string note = published is { Imatrix: true } && !hasMatrix ? ", with an importance matrix" : "";
        return (published?.KlDivergence, published is null ? null : published.Source + note);
    }

    // What was published with a matrix says nothing of a file made without one.
    private bool IsExpected(QuantType type, bool hasMatrix) =>
        hasMatrix || measured.ContainsKey(type.Type) || type.Published.Any(row => row is { KlDivergence: not null, Imatrix: false });
}

using GgufQuant.Catalog;
using GgufQuant.Formats;

namespace GgufQuant.Advice;

/// <summary>How much quality a type is expected to lose, and on what evidence.</summary>
/// <param name="KlDivergence">Mean Kullback-Leibler divergence from the unquantized model's predictions, in nats.</param>
/// <param name="IsMeasured">Whether it was measured on this model.</param>
/// <param name="Source">Where the number comes from, in a phrase.</param>
public sealed record ExpectedQuality(double KlDivergence, bool IsMeasured, string Source)
{
    /// <summary>The expected quality of each type with any evidence.</summary>
    /// <param name="withImportanceMatrix">Whether there will be an importance matrix.</param>
    /// <param name="measured">Divergences measured on this model; null for none.</param>
    /// <param name="own">The type that the model is in, if it is not a quantization; null otherwise.</param>
    /// <remarks>
    /// How much models suffer differs, but the ranking of types hardly does. So if some types were measured, the published
    /// numbers of the others are scaled by the geometric mean of measured over published.
    /// </remarks>
    internal static IReadOnlyDictionary<FileType, ExpectedQuality> OfTypes(
        bool withImportanceMatrix, IReadOnlyDictionary<FileType, double>? measured, FileType? own)
    {
        Dictionary<FileType, PublishedQuality> published = [];
        foreach (QuantType type in QuantCatalog.All)
        {
            if (Representative(type, withImportanceMatrix) is { } row)
                published.Add(type.Type, row);
        }
        double[] ratios =
        [
            .. (measured ?? new Dictionary<FileType, double>())
                .Where(entry => entry.Value > 0 && published.ContainsKey(entry.Key))
                .Select(entry => Math.Log(entry.Value / published[entry.Key].KlDivergence!.Value)),
        ];
        double scale = ratios.Length > 0 ? Math.Exp(ratios.Average()) : 1;
        string scaled = ratios.Length > 0 ? ", scaled by what was measured on this model" : "";

        Dictionary<FileType, ExpectedQuality> expected = published.ToDictionary(
            entry => entry.Key,
            entry => new ExpectedQuality(entry.Value.KlDivergence!.Value * scale, false, $"published for {entry.Value.Model} ({entry.Value.Source}){scaled}"));
        foreach ((FileType type, double divergence) in measured ?? new Dictionary<FileType, double>())
            expected[type] = new(divergence, true, "measured on this model");
        if (own is { } itself)
            expected[itself] = new(0, false, "the model itself");
        return expected;
    }

    private static PublishedQuality? Representative(QuantType type, bool withImportanceMatrix)
    {
        PublishedQuality[] rows = [.. type.Published.Where(row => row.KlDivergence is > 0)];
        return rows.FirstOrDefault(row => row.Imatrix == withImportanceMatrix) ?? rows.FirstOrDefault();
    }
}

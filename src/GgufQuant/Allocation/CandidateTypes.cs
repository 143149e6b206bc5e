using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Planning;

namespace GgufQuant.Allocation;

/// <summary>The candidate types of a tensor.</summary>
internal static class CandidateTypes
{
    // IQ1 only on request: once errors are as large as the outputs, KL divergence grows faster than they do.
    private static readonly GgmlType[] s_all =
    [
        GgmlType.IQ2_XXS, GgmlType.IQ2_XS, GgmlType.IQ2_S, GgmlType.Q2_K, GgmlType.IQ3_XXS, GgmlType.IQ3_S,
        GgmlType.Q3_K, GgmlType.IQ4_XS, GgmlType.Q4_K, GgmlType.Q5_K, GgmlType.Q6_K, GgmlType.Q8_0,
    ];

    private static readonly GgmlType[] s_smallBlocks =
        [GgmlType.IQ4_NL, GgmlType.Q4_0, GgmlType.Q4_1, GgmlType.Q5_0, GgmlType.Q5_1, GgmlType.Q8_0];

    /// <summary>The types, smallest first.</summary>
    /// <param name="name">The tensor's name in the file to be written.</param>
    /// <param name="source">The tensor.</param>
    /// <param name="allowed">The types that the user allows; null for all but IQ1, with the source's type last.</param>
    /// <param name="hasImportance">Whether the tensor has an entry in the importance matrix, which some types need.</param>
    public static IReadOnlyList<GgmlType> For(string name, GgufTensor source, IReadOnlyCollection<GgmlType>? allowed, bool hasImportance)
    {
        GgmlType unquantized = UnquantizedOf(source);
        List<GgmlType> types = [];
        foreach (GgmlType type in allowed ?? [.. s_all, unquantized])
        {
            foreach (GgmlType possible in PossibleFor(type, name, source.RowLength, isFree: allowed is null))
            {
                bool isUsable = hasImportance || !ImatrixRules.IsRequired(name, BlockFormat.Of(possible), FileType.Q4_K_M);
                // A type larger than the source's gains nothing.
                bool isSmaller = BlockFormat.Of(possible).BitsPerWeight <= BlockFormat.Of(unquantized).BitsPerWeight;
                if (isUsable && isSmaller && !types.Contains(possible))
                    types.Add(possible);
            }
        }
        return types.Count == 0 ? [unquantized] : [.. types.OrderBy(type => BlockFormat.Of(type).BitsPerWeight)];
    }

    /// <summary>The type that costs nothing: the source's, or F16 for F32.</summary>
    public static GgmlType UnquantizedOf(GgufTensor source) => source.Type == GgmlType.F32 ? GgmlType.F16 : source.Type;

    private static IEnumerable<GgmlType> PossibleFor(GgmlType type, string name, long rowLength, bool isFree)
    {
        BlockFormat format = BlockFormat.Of(type);
        if (rowLength % format.BlockSize == 0)
            return [type];
        // If rows are not whole super-blocks, all types with smaller blocks are candidates.
        return isFree && s_smallBlocks.All(small => rowLength % BlockFormat.Of(small).BlockSize == 0)
            ? s_smallBlocks
            : [TypeFallback.For(new(type, ""), name, rowLength).Type];
    }
}

using static GgufQuant.Formats.GgmlType;
using BlockFormat = GgufQuant.Formats.BlockFormat;
using GgmlType = GgufQuant.Formats.GgmlType;

namespace GgufQuant.Planning;

/// <summary>The types llama.cpp falls back to when a tensor's rows are not whole blocks.</summary>
/// <remarks>llama.cpp's <c>tensor_type_fallback</c>.</remarks>
internal static class TypeFallback
{
    private const int SmallBlock = 32;

    /// <summary>The choice, or its fallback.</summary>
    /// <exception cref="QuantizationException">The type has no fallback.</exception>
    internal static TypeChoice For(TypeChoice choice, string name, long rowLength)
    {
        BlockFormat format = BlockFormat.Of(choice.Type);
        if (rowLength % format.BlockSize == 0)
            return choice;
        GgmlType standIn = WithSmallBlock(choice.Type) ?? throw new QuantizationException(
            $"Tensor '{name}' has rows of {rowLength} weights, which is not a multiple of the {format} block size {format.BlockSize}, and {format} has no fallback type. "
            + "Choose a type for this tensor, such as q8_0 or f16.");
        if (rowLength % SmallBlock != 0)
            standIn = F16;
        return new(standIn, $"rows of {rowLength} are not whole {format} blocks ({choice.Rule})");
    }

    private static GgmlType? WithSmallBlock(GgmlType type) => type switch
    {
        IQ1_S or IQ1_M or IQ2_XXS or IQ2_XS or IQ2_S or IQ3_XXS or IQ3_S or IQ4_XS => IQ4_NL,
        Q2_0 or Q2_K or Q3_K or TQ1_0 or TQ2_0 => Q4_0,
        Q4_K => Q5_0,
        Q5_K => Q5_1,
        Q6_K => Q8_0,
        Q4_0 or Q4_1 or Q5_0 or Q5_1 or Q8_0 or IQ4_NL or MXFP4 => type,
        _ => null,
    };
}

using static GgufQuant.Formats.GgmlType;
using BlockFormat = GgufQuant.Formats.BlockFormat;
using GgmlType = GgufQuant.Formats.GgmlType;

namespace GgufQuant.Planning;

/// <summary>The types llama.cpp turns to where a tensor's rows are not whole blocks.</summary>
internal static class TypeFallback
{
    /// <summary>The choice, or its stand-in.</summary>
    /// <exception cref="QuantizationException">The type has no stand-in.</exception>
    internal static MixChoice For(MixChoice choice, string name, long rowLength)
    {
        int block = BlockFormat.Of(choice.Type).BlockSize;
        if (rowLength % block == 0)
            return choice;
        GgmlType standIn = choice.Type switch
        {
            IQ1_S or IQ1_M or IQ2_XXS or IQ2_XS or IQ2_S or IQ3_XXS or IQ3_S or IQ4_XS => IQ4_NL,
            Q2_0 or Q2_K or Q3_K or TQ1_0 or TQ2_0 => Q4_0,
            Q4_K => Q5_0,
            Q5_K => Q5_1,
            Q6_K => Q8_0,
            _ => throw new QuantizationException(
                $"Tensor '{name}' has rows of {rowLength} weights, which are not whole {BlockFormat.Of(choice.Type)} blocks of {block}, and no type stands in for it. "
                + "Give the tensor a type of its own, f16 for one."),
        };
        if (rowLength % BlockFormat.Of(standIn).BlockSize != 0)
            standIn = F16;
        return new(standIn, $"rows of {rowLength} are not whole {BlockFormat.Of(choice.Type)} blocks ({choice.Rule})");
    }
}

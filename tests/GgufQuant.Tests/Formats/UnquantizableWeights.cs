using GgufQuant.Formats;

namespace GgufQuant.Tests.Formats;

/// <summary>The weights that a grid format cannot quantize, because ggml aborts the whole process on them.</summary>
/// <remarks>
/// The squares of these weights, times the importance that grows with them, exceed a float: no grid point is nearer
/// than infinity, and ggml's search ends in an assertion. The list keeps the reference from being called with them.
/// </remarks>
public static class UnquantizableWeights
{
    private static readonly string[] s_huge = ["huge", "very-huge", "near-float-max", "random-bits"];
    private static readonly string[] s_beyondFloats = [.. s_huge, "near-powers-of-two"];

    /// <summary>The formats and classes of <see cref="WeightData"/>.</summary>
    public static TheoryData<GgmlType, string> All => new(
        from format in BlockFormat.All
        from name in WeightData.Classes
        where Contains(format.Type, name)
        select (format.Type, name));

    /// <summary>Whether a format rejects a class.</summary>
    public static bool Contains(GgmlType type, string name) => type switch
    {
        // Where the first fit of IQ2_XXS overflows to a scale of zero, its search is not reached.
        GgmlType.IQ2_XXS => name is "huge" or "very-huge" or "near-powers-of-two",
        GgmlType.IQ2_XS or GgmlType.IQ3_XXS or GgmlType.IQ3_S => s_beyondFloats.Contains(name),

        // Equal magnitudes round to a point of IQ2_S, whatever their sum.
        GgmlType.IQ2_S => s_huge.Contains(name),

        // Without importance weights; here ggml does not abort but reads other weights than the group's.
        GgmlType.IQ1_M => name == "random-bits",
        _ => false,
    };
}

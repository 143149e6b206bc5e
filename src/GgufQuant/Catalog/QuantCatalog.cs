using System.Diagnostics.CodeAnalysis;
using GgufQuant.Formats;
using static GgufQuant.Catalog.ImatrixAdvice;

namespace GgufQuant.Catalog;

/// <summary>Every file type, with an explanation.</summary>
public static class QuantCatalog
{
    private const string OneType = "Every matrix has the same type.";
    private const string OutputInQ6 = "The output is Q6_K, everything else the same type.";
    private const string OutputInQ6EmbeddingInQ4 = "The output is Q6_K and the token embeddings Q4_K.";

    private const string MoreBits = "the first and the last eighth of the layers and every third between them";

    /// <summary>Every file type, from the most bits to the fewest.</summary>
    public static IReadOnlyList<QuantType> All { get; } =
    [
        new(FileType.F32, GgmlType.F32, 32.0, Ignored,
            "Full precision: a master copy, twice the size of F16 and no better in use.", OneType),
        new(FileType.F16, GgmlType.F16, 16.0, Ignored,
            "Half precision: the usual source to quantize from, and what quality is measured against.",
            "Every matrix is f16; vectors stay f32."),
        new(FileType.BF16, GgmlType.BF16, 16.0, Ignored,
            "Half the size of F32 with its full range: the form in which most models are trained and published.",
            "Every matrix is bf16; vectors stay f32."),
        new(FileType.Q8_0, GgmlType.Q8_0, 8.5, Ignored,
            "Practically lossless: take it when memory allows.", OneType),
        new(FileType.Q6_K, GgmlType.Q6_K, 6.56, Optional,
            "Nearly lossless at three quarters of Q8_0's size.", OneType),
        new(FileType.Q5_1, GgmlType.Q5_1, 6.04, Optional,
            "An older 5-bit format: Q5_K_M is smaller and better.", OutputInQ6),
        new(FileType.Q5_K_M, GgmlType.Q5_K, 5.70, Optional,
            "Very good quality, for when there is a little more memory than Q4_K_M needs.",
            $"attn_v and ffn_down are Q6_K in {MoreBits}; so is the output."),
        new(FileType.Q5_K_S, GgmlType.Q5_K, 5.57, Optional,
            "Slightly smaller than Q5_K_M, slightly less exact.", OutputInQ6),
        new(FileType.Q5_0, GgmlType.Q5_0, 5.57, Optional,
            "An older 5-bit format: Q5_K_S has the same size and loses less.", OutputInQ6),
        new(FileType.Q4_1, GgmlType.Q4_1, 5.10, Optional,
            "An older 4-bit format: Q4_K_M is smaller and better.", OutputInQ6),
        new(FileType.Q4_K_M, GgmlType.Q4_K, 4.89, Optional,
            "The usual choice: less than a third of F16's size with little loss.",
            $"attn_v and ffn_down are Q6_K in {MoreBits}; so is the output."),
        new(FileType.IQ4_NL, GgmlType.IQ4_NL, 4.68, Advised,
            "4 bits with uneven steps, in small blocks that fit odd row lengths; otherwise IQ4_XS is smaller and as good.",
            "attn_v is Q5_K with 4 or more query heads per key head; the output is Q6_K."),
        new(FileType.Q4_K_S, GgmlType.Q4_K, 4.67, Advised,
            "Slightly smaller than Q4_K_M: take it when that just does not fit.",
            "attn_v of the first four layers and ffn_down of the first eighth are Q5_K; the output is Q6_K."),
        new(FileType.Q4_0, GgmlType.Q4_0, 4.64, Optional,
            "The oldest 4-bit format: fast on some processors, but Q4_K_S loses less at the same size.", OutputInQ6),
        new(FileType.NVFP4, GgmlType.NVFP4, 4.5, Ignored,
            "NVIDIA's 4-bit floating point, made by converters of models trained for it; llama-quantize does not offer it.", OneType),
        new(FileType.IQ4_XS, GgmlType.IQ4_XS, 4.46, Advised,
            "The smallest 4-bit type, close to Q4_K_S in quality with an importance matrix.",
            "attn_v is Q5_K with 4 or more query heads per key head; the output is Q6_K."),
        new(FileType.Q3_K_L, GgmlType.Q3_K, 4.30, Advised,
            "3 bits with the sensitive tensors kept at 5: IQ4_XS is hardly larger and better.",
            "attn_v, attn_output and ffn_down are Q5_K; the output is Q6_K."),
        new(FileType.MXFP4_MOE, GgmlType.MXFP4, 4.25, Ignored,
            "For mixtures of experts: the experts in 4-bit floating point, as gpt-oss was published, the rest in Q8_0.",
            "Only the experts' matrices are MXFP4: a model without experts ends up in Q8_0."),
        new(FileType.Q3_K_M, GgmlType.Q3_K, 4.00, Advised,
            "Noticeable loss: for when 4 bits do not fit.",
            "attn_v, attn_output and ffn_down are Q4_K, the first few Q5_K; the output is Q6_K."),
        new(FileType.IQ3_M, GgmlType.IQ3_S, 3.76, Advised,
            "A good 3-bit choice with an importance matrix: smaller than Q3_K_M and nearly as good.",
            "attn_v, attn_output and the first eighth of ffn_down are Q4_K; the output is Q6_K."),
        new(FileType.IQ3_S, GgmlType.IQ3_S, 3.66, Advised,
            "As small as Q3_K_S and clearly better, with an importance matrix.",
            "attn_v is Q4_K with 4 or more query heads per key head; the output is Q6_K."),
        new(FileType.Q3_K_S, GgmlType.Q3_K, 3.64, Advised,
            "Large loss for its size: IQ3_S with an importance matrix is better.", OutputInQ6),
        new(FileType.IQ3_XS, GgmlType.IQ3_S, 3.50, Required,
            "Between IQ3_S and IQ3_XXS, for when every tenth of a bit counts.",
            "attn_q, attn_k and the feed-forward matrices of the middle layers are IQ3_XXS; the output is Q6_K."),
        new(FileType.IQ3_XXS, GgmlType.IQ3_XXS, 3.25, Required,
            "The smallest 3-bit type, and well ahead of every 2-bit one.",
            "attn_q and attn_k are IQ2_S, attn_output and the embeddings IQ3_S, the output Q5_K."),
        new(FileType.Q2_K, GgmlType.Q2_K, 3.16, Advised,
            "Only when memory is severely limited: the loss is plain to see.",
            "attn_v, attn_output and ffn_down are Q3_K or Q4_K; the output is Q6_K."),
        new(FileType.Q2_K_S, GgmlType.Q2_K, 2.97, Required,
            "Smaller than Q2_K and worse: IQ2_M beats it at a smaller size.",
            "The first eighth of ffn_down is Q4_K, and attn_v with 4 or more query heads per key head; the output is Q6_K."),
        new(FileType.IQ2_M, GgmlType.IQ2_S, 2.93, Required,
            "The best 2-bit type: smaller than Q2_K and better.",
            "attn_v, attn_output, the first eighth of ffn_down and the embeddings are IQ3_S or Q4_K; the output is Q5_K."),
        new(FileType.IQ2_S, GgmlType.IQ2_XS, 2.74, Required,
            "2 bits with the sensitive tensors kept at 3: strong loss, for large models only.",
            "attn_v, attn_output, the first eighth of ffn_down and the embeddings are IQ3_S or Q4_K; the output is Q5_K."),
        new(FileType.Q2_0, GgmlType.Q2_0, 2.68, Ignored,
            "For models trained with four levels per weight; it ruins ordinary models.", OutputInQ6EmbeddingInQ4),
        new(FileType.IQ2_XS, GgmlType.IQ2_XS, 2.59, Required,
            "Strong loss: for running a large model in little memory at all.",
            "attn_v, the first eighth of ffn_down and the embeddings are Q2_K or Q4_K; the output is Q5_K."),
        new(FileType.TQ2_0, GgmlType.TQ2_0, 2.52, Ignored,
            "For models trained with ternary weights (-1, 0, 1), whose weights it stores exactly; faster than TQ1_0.",
            OutputInQ6EmbeddingInQ4),
        new(FileType.IQ2_XXS, GgmlType.IQ2_XXS, 2.38, Required,
            "Very strong loss: only for models so large that nothing else fits.",
            "attn_v, the first eighth of ffn_down and the embeddings are Q2_K or Q4_K; the output is Q5_K."),
        new(FileType.TQ1_0, GgmlType.TQ1_0, 2.19, Ignored,
            "For models trained with ternary weights (-1, 0, 1), whose weights it stores exactly in the least space.",
            OutputInQ6EmbeddingInQ4),
        new(FileType.IQ1_M, GgmlType.IQ1_M, 2.15, Required,
            "An experiment: barely coherent text from most models.",
            "attn_v, the first eighth of ffn_down and the embeddings are Q2_K or Q4_K, attn_output IQ2_XXS; the output is Q5_K."),
        new(FileType.IQ1_S, GgmlType.IQ1_S, 2.00, Required,
            "The extreme: most models write nonsense in it.",
            "attn_v, the first eighth of ffn_down and the embeddings are Q2_K or Q4_K, attn_output IQ2_XXS; the output is Q5_K."),
        new(FileType.Q1_0, GgmlType.Q1_0, 1.48, Ignored,
            "For models trained with one bit per weight: signs, and one scale per 128 weights.", OutputInQ6),
    ];

    private static readonly Dictionary<FileType, QuantType> s_byType = All.ToDictionary(entry => entry.Type);

    private static readonly Dictionary<string, QuantType> s_byName =
        All.ToDictionary(entry => entry.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>llama-quantize's short names, and names found in published files.</summary>
    private static readonly Dictionary<string, FileType> s_aliases = new(StringComparer.OrdinalIgnoreCase)
    {
        ["FP32"] = FileType.F32,
        ["FP16"] = FileType.F16,
        ["Q3_K"] = FileType.Q3_K_M,
        ["Q4_K"] = FileType.Q4_K_M,
        ["Q5_K"] = FileType.Q5_K_M,
        ["MXFP4"] = FileType.MXFP4_MOE,
    };

    /// <summary>The entry of a file type.</summary>
    /// <exception cref="KeyNotFoundException">The number is not a file type.</exception>
    public static QuantType Of(FileType type) => s_byType[type];

    /// <summary>Finds a file type by its name in any case, or by one of llama-quantize's short names (<c>Q4_K</c>).</summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out QuantType? type)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (s_aliases.TryGetValue(name, out FileType alias))
            name = alias.ToString();
        return s_byName.TryGetValue(name, out type);
    }
}

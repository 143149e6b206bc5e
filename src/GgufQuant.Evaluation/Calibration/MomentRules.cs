using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>Selects the products of a running model whose inputs' moments are collected.</summary>
internal static class MomentRules
{
    private const int FewestRows = 16;

    /// <summary>Products with a layer's weights, the output's, or the embeddings' if they serve as the output.</summary>
    public static bool Wants(in MatrixProduct product)
    {
        if (!product.HasFloatInput || RowsOf(product) < FewestRows)
            return false;
        if (product.IsIndirect ? product.WeightShape[3] != 1 || product.InputShape[3] != 1 : product.WeightShape[2] * product.WeightShape[3] != 1)
            return false;
        return product.WeightName.StartsWith("blk.", StringComparison.Ordinal) || product.WeightName is "output.weight" or "token_embd.weight";
    }

    /// <summary>
    /// Matrices of which each has its own input: the last of each expert, whose input is what the expert has made of the
    /// layer's. 1 where all get the same, as the first of the experts do.
    /// </summary>
    public static int MatricesOf(in MatrixProduct product)
    {
        // Where only one expert is used, the shape does not tell.
        bool isOwn = product.InputShape[1] != 1 || product.WeightName.Contains(".ffn_down", StringComparison.Ordinal);
        return product.IsIndirect && isOwn ? checked((int)product.WeightShape[2]) : 1;
    }

    /// <summary>Rows of the input.</summary>
    public static long RowsOf(in MatrixProduct product) => product.InputShape[1] * product.InputShape[2] * product.InputShape[3];
}

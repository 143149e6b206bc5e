using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>Selects the products of a running model whose inputs' moments are collected.</summary>
internal static class MomentRules
{
    private const int FewestRows = 16;

    /// <summary>
    /// Products with a layer's weights, the output's, or the embeddings' if they serve as the output; with experts only if
    /// all of them get the layer's own input, since inputs of single experts would need moments for each of them.
    /// </summary>
    public static bool Wants(in MatrixProduct product)
    {
        if (!product.HasFloatInput || RowsOf(product) < FewestRows)
            return false;
        if (product.IsIndirect ? product.InputShape[1] != 1 : product.WeightShape[2] * product.WeightShape[3] != 1)
            return false;
        return product.WeightName.StartsWith("blk.", StringComparison.Ordinal) || product.WeightName is "output.weight" or "token_embd.weight";
    }

    /// <summary>Rows of the input.</summary>
    public static long RowsOf(in MatrixProduct product) => product.InputShape[1] * product.InputShape[2] * product.InputShape[3];
}

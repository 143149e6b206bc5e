using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>Selects the products of a running model for which moments are collected.</summary>
internal static class MomentRules
{
    private const int FewestRows = 16;

    /// <summary>Products with the weights of a layer, with the output, or with tied embeddings.</summary>
    public static bool Wants(in MatrixProduct product)
    {
        if (!product.HasFloatInput || RowsOf(product) < FewestRows)
            return false;
        if (product.IsIndirect ? product.WeightShape[3] != 1 || product.InputShape[3] != 1 : product.WeightShape[2] * product.WeightShape[3] != 1)
            return false;
        return product.WeightName.StartsWith("blk.", StringComparison.Ordinal) || product.WeightName is "output.weight" or "token_embd.weight";
    }

    /// <summary>
    /// The number of matrices with separate inputs, as the down projections of experts have; 1 if all share an input, as the
    /// gate and up projections do.
    /// </summary>
    public static int MatricesOf(in MatrixProduct product)
    {
        // If only one expert is used, the shape is ambiguous.
        bool isOwn = product.InputShape[1] != 1 || product.WeightName.Contains(".ffn_down", StringComparison.Ordinal);
        return product.IsIndirect && isOwn ? checked((int)product.WeightShape[2]) : 1;
    }

    /// <summary>The number of rows of the input.</summary>
    public static long RowsOf(in MatrixProduct product) => product.InputShape[1] * product.InputShape[2] * product.InputShape[3];
}

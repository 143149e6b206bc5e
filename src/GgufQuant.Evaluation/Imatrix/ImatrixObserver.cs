using GgufQuant.Evaluation.Engines;
using GgufQuant.Imatrix;
using GgufQuant.Models;

namespace GgufQuant.Evaluation.Imatrix;

/// <summary>Adds the inputs of matrix products to an importance matrix by llama-imatrix's rules.</summary>
/// <remarks>
/// Counts products with a layer's weights (names beginning with <c>blk.</c>) and at least 16 rows of floats, the output
/// tensor's if requested, and all products that select experts, each expert with the rows that selected it.
/// </remarks>
internal sealed class ImatrixObserver(ImatrixData matrix, bool includeOutput) : IActivationObserver
{
    private const int FewestRows = 16;

    public bool Wants(in MatrixProduct product)
    {
        if (product.IsIndirect)
            return true;
        if (product.InputShape[1] < FewestRows || !product.HasFloatInput)
            return false;
        return product.WeightName.StartsWith(TensorNames.LayerPrefix, StringComparison.Ordinal) || (includeOutput && product.WeightName == TensorNames.Output);
    }

    public void Observe(in MatrixProduct product)
    {
        if (!product.HasFloatInput)
            throw new InferenceException($"The input of '{product.WeightName}' does not consist of 32-bit floats.");
        ImatrixSums sums = product.IsIndirect ? AddExperts(product) : AddDense(product);
        if (sums.Squares.AsSpan().ContainsAnyExceptInRange(0, float.MaxValue))
            throw new InferenceException($"The input of '{product.WeightName}' contains non-finite values, so no importance matrix can be computed.");
    }

    private ImatrixSums AddDense(in MatrixProduct product)
    {
        ReadOnlySpan<long> weight = product.WeightShape;
        ReadOnlySpan<long> input = product.InputShape;
        long matrices = weight[2] * weight[3];
        ImatrixSums sums = matrix.Entry(product.WeightName, input[0] * matrices, 1);
        for (long i3 = 0; i3 < input[3]; i3++)
        {
            for (long i2 = 0; i2 < input[2]; i2++)
            {
                int target = (int)((i3 % weight[3] * weight[2]) + (i2 % weight[2]));
                for (long i1 = 0; i1 < input[1]; i1++)
                    sums.Add(target, product.InputRow(i1, i2, i3));
            }
        }
        for (int i = 0; i < sums.Counts.Length; i++)
            sums.Counts[i] += input[1] * input[2] * input[3] / matrices;
        return sums;
    }

    private ImatrixSums AddExperts(in MatrixProduct product)
    {
        ReadOnlySpan<long> input = product.InputShape;
        if (input[3] != 1)
            throw new InferenceException($"The input of '{product.WeightName}' has more than three dimensions.");
        int experts = (int)product.WeightShape[2];
        ImatrixSums sums = matrix.Entry(product.WeightName, input[0] * experts, experts);
        for (long token = 0; token < input[2]; token++)
        {
            for (int slot = 0; slot < product.SelectedExperts; slot++)
            {
                int expert = product.SelectedExpert(slot, token);
                if ((uint)expert >= (uint)experts)
                    throw new InferenceException($"'{product.WeightName}' has {experts} experts, but number {expert} was selected.");
                sums.Add(expert, product.InputRow(slot % input[1], token, 0));
                sums.Counts[expert]++;
            }
        }
        return sums;
    }
}

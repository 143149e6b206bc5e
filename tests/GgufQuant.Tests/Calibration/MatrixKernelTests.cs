using GgufQuant.Calibration;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Calibration;

/// <summary>The kernels against the loops they stand for, bit by bit.</summary>
public class MatrixKernelTests : IClassFixture<LaneWidth>
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(4, 7, 64)]
    [InlineData(5, 300, 83)]
    [InlineData(9, 513, 150)]
    public void A_product_is_the_triple_loop_of_fused_multiply_adds(int rows, int depth, int columns)
    {
        float[] left = Random(rows * depth, 1);
        float[] right = Random(depth * columns, 2);
        float[] sum = Random(rows * columns, 3);
        float[] expected = [.. sum];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                for (int p = 0; p < depth; p++)
                    expected[(i * columns) + j] = MathF.FusedMultiplyAdd(left[(i * depth) + p], right[(p * columns) + j], expected[(i * columns) + j]);
            }
        }
        float[] transposed = new float[left.Length];
        for (int i = 0; i < rows; i++)
        {
            for (int p = 0; p < depth; p++)
                transposed[(p * rows) + i] = left[(i * depth) + p];
        }
        float[] again = [.. sum];
        MatrixKernel.AddProduct(new(left, 0, depth), new(right, 0, columns), new(sum, 0, columns), rows, depth, columns);
        MatrixKernel.AddProduct(new(transposed, 0, 1, rows), new(right, 0, columns), new(again, 0, columns), rows, depth, columns);
        Assert.Equal(expected, sum);
        Assert.Equal(expected, again);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(128)]
    [InlineData(300)]
    public void Multiples_of_rows_are_added_in_their_order(int columns)
    {
        float[] matrix = Random(10 * columns, 4);
        float[] factors = [0.3f, -2, 1e-3f];
        int[] rows = [7, 0, 9];
        float[] sum = Random(columns, 5);
        float[] expected = [.. sum];
        for (int k = 0; k < rows.Length; k++)
        {
            for (int i = 0; i < columns; i++)
                expected[i] = MathF.FusedMultiplyAdd(factors[k], matrix[(rows[k] * columns) + i], expected[i]);
        }
        MatrixKernel.AddMultiples(factors, rows, new(matrix, 0, columns), sum);
        Assert.Equal(expected, sum);
    }

    private static float[] Random(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5))];
    }
}

using GgufQuant.IO;

namespace GgufQuant.Calibration;

/// <summary>How a rounding error in one column is compensated in later columns, given the moments of their inputs.</summary>
/// <remarks>
/// H = N · diag(<see cref="Variances"/>) · Nᵀ with N upper triangular and ones on its diagonal, so that the error e of a row
/// costs eᵀHe = Σⱼ dⱼ (eⱼ + Σᵢ˂ⱼ Nᵢⱼ eᵢ)²: with the columns before it fixed, column j is best when it offsets
/// −Σ Nᵢⱼ eᵢ. That is GPTQ's error feedback without an inverse (LDLQ).
/// </remarks>
internal sealed class FeedbackFactor
{
    private const int Panel = 64;

    private FeedbackFactor(float[] moments, float[] coefficients, float[] variances, int size)
    {
        Moments = moments;
        Coefficients = coefficients;
        Variances = variances;
        Squares = new float[size];
        for (int i = 0; i < size; i++)
            Squares[i] = moments[(i * size) + i];
        Size = size;
    }

    /// <summary>Columns.</summary>
    public int Size { get; }

    /// <summary>H in row-major order.</summary>
    public float[] Moments { get; }

    /// <summary>The diagonal of H.</summary>
    public float[] Squares { get; }

    /// <summary>N in row-major order; undefined below the diagonal.</summary>
    public float[] Coefficients { get; }

    /// <summary>The diagonal d: the cost of an error that later columns cannot compensate.</summary>
    public float[] Variances { get; }

    /// <summary>The size of a factor with that many columns, in bytes.</summary>
    public static long BytesFor(int size) => 2L * size * size * sizeof(float);

    /// <summary>Factorizes moments.</summary>
    /// <param name="moments">H in row-major order; not copied.</param>
    /// <param name="size">Its rows and columns.</param>
    /// <param name="threads">Threads to use; the factor does not depend on it.</param>
    /// <param name="token">Cancels the operation.</param>
    /// <returns>The factor; null if the matrix is not positive definite.</returns>
    public static FeedbackFactor? TryCreate(float[] moments, int size, int threads, CancellationToken token)
    {
        float[] factor = (float[])moments.Clone();
        // From the last columns to the first; each panel is subtracted from the rest of H.
        for (int end = size; end > 0; end -= Panel)
        {
            int start = Math.Max(0, end - Panel);
            // The first panel has the remaining columns, which may be fewer.
            if (!FactorizeDiagonal(factor, size, start, end))
                return null;
            float[] panel = new float[start * (end - start)];
            float[] transposed = new float[start * (end - start)];
            int tiles = (start + Panel - 1) / Panel;
            float[] block = TransposedBlock(factor, size, start, end);
            int count = end - start;
            ParallelLoop.For(tiles, threads, tile =>
            {
                int last = Math.Min(start, (tile + 1) * Panel);
                for (int row = tile * Panel; row < last; row++)
                    SolveRow(factor.AsSpan((row * size) + start, count), block, panel, transposed, row, start);
            }, token);
            ParallelLoop.For(tiles, threads, tile =>
            {
                int first = tile * Panel;
                MatrixKernel.AddProduct(
                    new(panel, first * count, count), new(transposed, first, start), new(factor, (first * size) + first, size),
                    Math.Min(Panel, start - first), count, start - first);
            }, token);
        }
        return new FeedbackFactor(moments, factor, Normalize(factor, size), size);
    }

    // Upper Cholesky factor of a block, from its last column to its first.
    private static bool FactorizeDiagonal(float[] factor, int size, int start, int end)
    {
        for (int j = end - 1; j >= start; j--)
        {
            float square = factor[(j * size) + j];
            if (!(square > 0) || !float.IsFinite(square))
                return false;
            float pivot = MathF.Sqrt(square);
            factor[(j * size) + j] = pivot;
            for (int i = start; i < j; i++)
                factor[(i * size) + j] /= pivot;
            for (int i = start; i < j; i++)
            {
                float multiple = factor[(i * size) + j];
                for (int l = i; l < j; l++)
                    factor[(i * size) + l] = MathF.FusedMultiplyAdd(-multiple, factor[(l * size) + j], factor[(i * size) + l]);
            }
        }
        return true;
    }

    private static float[] TransposedBlock(float[] factor, int size, int start, int end)
    {
        int count = end - start;
        float[] block = new float[count * count];
        for (int j = 0; j < count; j++)
        {
            for (int l = 0; l <= j; l++)
                block[(j * count) + l] = factor[((start + l) * size) + start + j];
        }
        return block;
    }

    // The row above the block: x · blockᵀ = row, from the last column to the first. The product uses its negative.
    private static void SolveRow(Span<float> row, float[] block, float[] panel, float[] transposed, int index, int stride)
    {
        int count = row.Length;
        for (int j = count - 1; j >= 0; j--)
        {
            row[j] /= block[(j * count) + j];
            MatrixKernel.AddMultiple(-row[j], block.AsSpan(j * count, j), row);
            panel[(index * count) + j] = -row[j];
            transposed[(j * stride) + index] = row[j];
        }
    }

    private static float[] Normalize(float[] factor, int size)
    {
        float[] variances = new float[size];
        float[] inverses = new float[size];
        for (int j = 0; j < size; j++)
        {
            float pivot = factor[(j * size) + j];
            variances[j] = pivot * pivot;
            inverses[j] = 1 / pivot;
        }
        for (int i = 0; i < size; i++)
        {
            Span<float> row = factor.AsSpan(i * size, size);
            for (int j = i; j < size; j++)
                row[j] *= inverses[j];
        }
        return variances;
    }
}

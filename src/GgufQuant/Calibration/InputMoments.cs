namespace GgufQuant.Calibration;

/// <summary>The second moments H = E[x xᵀ] of a matrix's input, whole or in diagonal blocks.</summary>
/// <remarks>Moments outside the blocks count as zero.</remarks>
public sealed class InputMoments
{
    /// <summary>Maximum columns per diagonal block; the square of a larger number would not fit an array.</summary>
    public const int MostColumns = 46080;

    // Blocks are large, so cancellation is checked only once per this many rows.
    private const int RowsBetweenStops = 256;

    private readonly Func<int, CancellationToken, float[]> _readBlock;

    /// <param name="name">The first weight tensor that has this input.</param>
    /// <param name="columns">Columns of the input.</param>
    /// <param name="width">Columns of a block; the last may have fewer.</param>
    /// <param name="tokens">The number of text positions that the moments are averaged over.</param>
    /// <param name="readBlock">Reads a block by its index: the upper half of Σ x xᵀ, row by row, each from the diagonal on.</param>
    internal InputMoments(string name, int columns, int width, long tokens, Func<int, CancellationToken, float[]> readBlock)
    {
        Name = name;
        Columns = columns;
        Width = Math.Min(width, columns);
        Tokens = tokens;
        _readBlock = readBlock;
    }

    /// <param name="matrices">The moments of each matrix's input, of the same columns and width.</param>
    internal InputMoments(IReadOnlyList<InputMoments> matrices)
        : this(matrices[0].Name, matrices[0].Columns, matrices[0].Width, matrices.Sum(matrix => matrix.Tokens), (_, _) => throw new InvalidOperationException("Each matrix has its own moments."))
    {
        Matrices = matrices;
    }

    /// <summary>The first weight tensor that has this input.</summary>
    public string Name { get; }

    /// <summary>The moments of each matrix, if the matrices of a tensor have separate inputs, as the down projections of experts do; otherwise empty.</summary>
    public IReadOnlyList<InputMoments> Matrices { get; } = [];

    /// <summary>Columns of the input.</summary>
    public int Columns { get; }

    /// <summary>Columns per diagonal block; all of them if the moments are whole.</summary>
    public int Width { get; }

    /// <summary>The number of text positions that the moments are averaged over.</summary>
    public long Tokens { get; }

    /// <summary>The number of diagonal blocks.</summary>
    public int BlockCount => (Columns + Width - 1) / Width;

    /// <summary>The number of values in the upper half of a block.</summary>
    internal static long HalfLength(int size) => (long)size * (size + 1) / 2;

    /// <summary>The number of columns of a block.</summary>
    internal int SizeOf(int block) => Math.Min(Width, Columns - (block * Width));

    /// <summary>The moments of one matrix's input.</summary>
    internal InputMoments OfMatrix(int matrix) => Matrices.Count == 0 ? this : Matrices[matrix];

    /// <summary>Reads a whole block of Σ x xᵀ, divided by the number of positions.</summary>
    internal float[] ReadMeans(int block, CancellationToken token = default)
    {
        int size = SizeOf(block);
        float[] half = _readBlock(block, token);
        float[] means = new float[size * size];
        // The text may never have activated an expert.
        float factor = 1f / Math.Max(1, Tokens);
        int from = 0;
        for (int i = 0; i < size; i++)
        {
            if (i % RowsBetweenStops == 0)
                token.ThrowIfCancellationRequested();
            for (int j = i; j < size; j++)
            {
                float mean = half[from++] * factor;
                means[(i * size) + j] = mean;
                means[(j * size) + i] = mean;
            }
        }
        return means;
    }
}

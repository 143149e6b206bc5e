namespace GgufQuant.HuggingFace.Tensors;

/// <summary>Each matrix of a tensor transposed. At most two matrices are held in memory.</summary>
internal sealed class TransposedValues : TensorValues
{
    private const int MatricesKept = 2;

    private readonly TensorValues _source;
    private readonly Lock _loading = new();
    private readonly LinkedList<Matrix> _matrices = [];

    public TransposedValues(TensorValues source)
        : base(source.Type, [.. source.Shape[..^2], source.Shape[^1], source.Shape[^2]])
    {
        if (Format.BlockSize != 1)
            throw new ArgumentException($"Blocks of {Format} cannot be transposed.", nameof(source));
        _source = source;
    }

    private long MatrixCount => Shape[^1] * Shape[^2];

    public override void Read(long first, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            (long matrix, long index) = Math.DivRem(first, MatrixCount);
            int values = (int)Math.Min(destination.Length / Format.BlockBytes, MatrixCount - index);
            byte[] bytes = BytesOfMatrix(matrix, values);
            int count = BytesOf(values);
            bytes.AsSpan(BytesOf(index), count).CopyTo(destination);
            destination = destination[count..];
            first += values;
        }
    }

    // Several threads ask for chunks in order, so two matrices are in use where one ends; earlier ones are freed.
    private byte[] BytesOfMatrix(long index, int values)
    {
        lock (_loading)
        {
            Matrix? matrix = _matrices.FirstOrDefault(loaded => loaded.Index == index);
            if (matrix is null)
            {
                if (_matrices.Count == MatricesKept)
                    _matrices.RemoveFirst();
                matrix = new Matrix(index, Load(index)) { Unread = MatrixCount };
                _matrices.AddLast(matrix);
            }
            matrix.Unread -= values;
            if (matrix.Unread <= 0)
                _matrices.Remove(matrix);
            return matrix.Bytes;
        }
    }

    private byte[] Load(long index)
    {
        (long rows, long columns) = (Shape[^2], Shape[^1]);
        byte[] matrix = new byte[Format.ByteCount(MatrixCount)];
        int width = Format.BlockBytes;
        byte[] row = new byte[Format.ByteCount(rows)];
        for (long column = 0; column < columns; column++)
        {
            _source.Read((index * MatrixCount) + (column * rows), row);
            for (int i = 0; i < rows; i++)
                row.AsSpan(i * width, width).CopyTo(matrix.AsSpan((int)(((i * columns) + column) * width)));
        }
        return matrix;
    }

    private sealed class Matrix(long index, byte[] bytes)
    {
        public long Index { get; } = index;

        public byte[] Bytes { get; } = bytes;

        public long Unread { get; set; }
    }
}

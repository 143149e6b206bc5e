using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using GgufQuant.Formats;

namespace GgufQuant.HuggingFace.Tensors;

/// <summary>The values of a tensor to write, produced on demand: stored, rearranged or computed.</summary>
/// <remarks>
/// Values are numbered in row-major order. They are F32, F16, BF16, or blocks that are kept. Arithmetic follows
/// torch: F16 is rounded to F16 after each step, and everything else is widened to F32 first.
/// May be read from many threads at once.
/// </remarks>
internal abstract class TensorValues
{
    private protected TensorValues(GgmlType type, ImmutableArray<long> shape)
    {
        Format = BlockFormat.Of(type);
        Shape = shape;
        RowLength = shape.IsEmpty ? 1 : shape[^1];
        Count = 1;
        foreach (long dimension in shape)
            Count = checked(Count * dimension);
        RowCount = RowLength == 0 ? 0 : Count / RowLength;
    }

    /// <summary>The type in which the values are read.</summary>
    public GgmlType Type => Format.Type;

    /// <summary>The block format of that type.</summary>
    public BlockFormat Format { get; }

    /// <summary>The dimensions, the outermost first; none for a scalar.</summary>
    public ImmutableArray<long> Shape { get; }

    /// <summary>The number of values.</summary>
    public long Count { get; }

    /// <summary>The length of a row: the last dimension.</summary>
    public long RowLength { get; }

    /// <summary>The number of rows.</summary>
    public long RowCount { get; }

    /// <summary>The type of arithmetic results.</summary>
    protected GgmlType ArithmeticType => Type == GgmlType.F16 ? GgmlType.F16 : GgmlType.F32;

    /// <summary>Reads values in their type.</summary>
    /// <param name="first">The index of the first value, at the start of a block.</param>
    /// <param name="destination">Receives whole blocks; it is filled completely.</param>
    /// <exception cref="ModelFolderException">A file has become shorter since it was opened.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public abstract void Read(long first, Span<byte> destination);

    /// <summary>Reads values as floats.</summary>
    /// <param name="first">The index of the first value.</param>
    /// <param name="destination">Receives the values; it is filled completely.</param>
    public void ReadFloats(long first, Span<float> destination)
    {
        if (Type == GgmlType.F32)
        {
            Read(first, MemoryMarshal.AsBytes(destination));
            return;
        }
        int bytes = (int)Format.ByteCount(destination.Length);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(bytes);
        Read(first, buffer.AsSpan(0, bytes));
        Format.Dequantize(buffer.AsSpan(0, bytes), destination);
        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>Whether another tensor has the same shape and values.</summary>
    public bool HasSameValues(TensorValues other)
    {
        const int Step = 1 << 16;
        if (!Shape.AsSpan().SequenceEqual(other.Shape.AsSpan()))
            return false;
        float[] mine = new float[Step];
        float[] others = new float[Step];
        for (long first = 0; first < Count; first += Step)
        {
            int count = (int)Math.Min(Step, Count - first);
            ReadFloats(first, mine.AsSpan(0, count));
            other.ReadFloats(first, others.AsSpan(0, count));
            if (!mine.AsSpan(0, count).SequenceEqual(others.AsSpan(0, count)))
                return false;
        }
        return true;
    }

    /// <summary>The size of a number of values in bytes.</summary>
    protected int BytesOf(long values) => checked((int)Format.ByteCount(values));

    /// <summary>The same values in another shape.</summary>
    public TensorValues Reshape(params ImmutableArray<long> shape) => new ReshapedValues(this, shape);

    /// <summary>The same values without dimensions of 1.</summary>
    public TensorValues Squeeze() => Reshape([.. Shape.Where(dimension => dimension != 1)]);

    /// <summary>Each value replaced by a function of it.</summary>
    public TensorValues Select(Func<float, float> function) => SelectByRow((_, value) => function(value));

    /// <summary>Each value replaced by a function of its row's index and of the value.</summary>
    public TensorValues SelectByRow(Func<long, float, float> function) => new ComputedValues(this, ArithmeticType, function);

    /// <summary>Each value times a factor.</summary>
    public TensorValues Multiply(double factor) => Select(value => value * (float)factor);

    /// <summary>A selection or reordering of the rows.</summary>
    /// <param name="shape">The new shape, with rows of the same length.</param>
    /// <param name="rowOf">The row of the source that each row is read from.</param>
    /// <exception cref="ArgumentException">A source row does not exist.</exception>
    public TensorValues Rows(ImmutableArray<long> shape, Func<long, long> rowOf)
    {
        RowsOfValues rows = new([this], shape, row => (0, rowOf(row)));
        // Rows are computed from the configuration, which may contradict the tensor: fail now rather than when it is read.
        for (long row = 0; row < rows.RowCount; row++)
        {
            long source = rowOf(row);
            if (source < 0 || source >= RowCount)
                throw new ArgumentException($"Row {row} of [{string.Join(", ", shape)}] would be row {source} of the {RowCount} that the tensor has.", nameof(rowOf));
        }
        return rows;
    }

    /// <summary>Consecutive rows.</summary>
    public TensorValues RowRange(long first, long count) => Rows([count, .. Shape[1..]], row => first + row);

    /// <summary>Some of the rows of each matrix.</summary>
    /// <param name="first">The index of the first row.</param>
    /// <param name="step">The distance from one row to the next.</param>
    /// <param name="count">The number of rows.</param>
    public TensorValues RowsOfEachMatrix(long first, long step, long count)
    {
        long rows = Shape[^2];
        return Rows([.. Shape[..^2], count, Shape[^1]], row => (row / count * rows) + first + (row % count * step));
    }

    /// <summary>Each matrix transposed.</summary>
    public TensorValues Transpose() => new TransposedValues(this);

    /// <summary>The columns in another order.</summary>
    /// <param name="columns">The column of the source that each column is read from.</param>
    public TensorValues Columns(int[] columns) => new ColumnsOfValues(this, columns);

    /// <summary>Tensors of equal shape, stacked along a new first dimension.</summary>
    /// <exception cref="ArgumentException">Their shapes differ.</exception>
    public static TensorValues Stack(IReadOnlyList<TensorValues> parts)
    {
        if (parts.FirstOrDefault(part => !part.Shape.AsSpan().SequenceEqual(parts[0].Shape.AsSpan())) is { } other)
            throw new ArgumentException($"Tensors of the shapes [{string.Join(", ", parts[0].Shape)}] and [{string.Join(", ", other.Shape)}] cannot be stacked.", nameof(parts));
        bool isOfOneType = parts.All(part => part.Type == parts[0].Type);
        TensorValues[] sources = [.. parts.Select(part => isOfOneType ? part : new ComputedValues(part, GgmlType.F32, (_, value) => value))];
        long rows = sources[0].RowCount;
        return new RowsOfValues(sources, [parts.Count, .. parts[0].Shape], row => ((int)(row / rows), row % rows));
    }
}

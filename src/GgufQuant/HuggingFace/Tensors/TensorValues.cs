using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using GgufQuant.Formats;

namespace GgufQuant.HuggingFace.Tensors;

/// <summary>The values of a tensor to write, produced on demand: stored, rearranged or computed.</summary>
/// <remarks>
/// Values are numbered in row-major order. They are F32, F16 or BF16, or blocks that are taken over as they are. Arithmetic
/// is torch's: what is not F16 is widened to F32 before anything is done with it, and F16 is rounded to F16 after each step.
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

    /// <summary>The type as an object.</summary>
    public BlockFormat Format { get; }

    /// <summary>The dimensions, the outermost first; none for a scalar.</summary>
    public ImmutableArray<long> Shape { get; }

    /// <summary>Values in all.</summary>
    public long Count { get; }

    /// <summary>Values in a row: the last dimension.</summary>
    public long RowLength { get; }

    /// <summary>Rows in all.</summary>
    public long RowCount { get; }

    /// <summary>The type of the results of arithmetic with the values.</summary>
    protected GgmlType ArithmeticType => Type == GgmlType.F16 ? GgmlType.F16 : GgmlType.F32;

    /// <summary>Reads values in their type.</summary>
    /// <param name="first">The first of them, the first of a block.</param>
    /// <param name="destination">Whole blocks; is filled whole.</param>
    /// <exception cref="ModelFolderException">A file has become shorter since it was opened.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public abstract void Read(long first, Span<byte> destination);

    /// <summary>Reads values as floats.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="destination">Is filled whole.</param>
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

    /// <summary>Bytes of a number of values.</summary>
    protected int BytesOf(long values) => checked((int)Format.ByteCount(values));

    /// <summary>The same values in another shape.</summary>
    public TensorValues Reshape(params ImmutableArray<long> shape) => new ReshapedValues(this, shape);

    /// <summary>The values with every dimension of 1 left out.</summary>
    public TensorValues Squeeze() => Reshape([.. Shape.Where(dimension => dimension != 1)]);

    /// <summary>Each value replaced by what a function makes of it.</summary>
    public TensorValues Select(Func<float, float> function) => SelectByRow((_, value) => function(value));

    /// <summary>Each value replaced by what a function makes of the number of its row and of it.</summary>
    public TensorValues SelectByRow(Func<long, float, float> function) => new ComputedValues(this, ArithmeticType, function);

    /// <summary>Each value times a factor.</summary>
    public TensorValues Multiply(double factor) => Select(value => value * (float)factor);

    /// <summary>Other rows of the same tensor, or the same ones in another order.</summary>
    /// <param name="shape">The new shape; its rows are as long.</param>
    /// <param name="rowOf">The row of the source that each row is read from.</param>
    /// <exception cref="ArgumentException">A row stands there that the tensor does not have.</exception>
    public TensorValues Rows(ImmutableArray<long> shape, Func<long, long> rowOf)
    {
        RowsOfValues rows = new([this], shape, row => (0, rowOf(row)));
        // The numbers of a configuration decide, which the tensor may contradict: better now than when it is read.
        for (long row = 0; row < rows.RowCount; row++)
        {
            long source = rowOf(row);
            if (source < 0 || source >= RowCount)
                throw new ArgumentException($"Row {row} of [{string.Join(", ", shape)}] would be row {source} of the {RowCount} that the tensor has.", nameof(rowOf));
        }
        return rows;
    }

    /// <summary>The first rows, or some that follow them.</summary>
    public TensorValues RowRange(long first, long count) => Rows([count, .. Shape[1..]], row => first + row);

    /// <summary>A part of the second last dimension of each matrix.</summary>
    /// <param name="first">The first of the rows.</param>
    /// <param name="step">From one row to the next.</param>
    /// <param name="count">How many.</param>
    public TensorValues RowsOfEachMatrix(long first, long step, long count)
    {
        long rows = Shape[^2];
        return Rows([.. Shape[..^2], count, Shape[^1]], row => (row / count * rows) + first + (row % count * step));
    }

    /// <summary>The last two dimensions of each matrix exchanged.</summary>
    public TensorValues Transpose() => new TransposedValues(this);

    /// <summary>The values of each row in another order.</summary>
    /// <param name="columns">The column of the source that each column is read from.</param>
    public TensorValues Columns(int[] columns) => new ColumnsOfValues(this, columns);

    /// <summary>Tensors of one shape as the matrices of one with one more dimension.</summary>
    /// <exception cref="ArgumentException">They have different shapes.</exception>
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

using System.Collections.Immutable;

namespace GgufQuant.HuggingFace.Tensors;

/// <summary>Rows of one or several tensors in any order.</summary>
internal sealed class RowsOfValues : TensorValues
{
    private readonly TensorValues[] _sources;
    private readonly Func<long, (int Source, long Row)> _rowOf;

    /// <param name="sources">The tensors, of one type and with rows of the shape's length.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="rowOf">The tensor and the row of it that each row is read from.</param>
    public RowsOfValues(TensorValues[] sources, ImmutableArray<long> shape, Func<long, (int Source, long Row)> rowOf)
        : base(sources[0].Type, shape)
    {
        if (sources.FirstOrDefault(source => source.RowLength != RowLength) is { } other)
            throw new ArgumentException($"Rows of {other.RowLength} values do not fit rows of {RowLength}.", nameof(sources));
        // Otherwise rows of a few bytes would be read one at a time.
        _sources = RowLength * sources[0].Format.BlockBytes >= StoredInMemory.SmallRowBytes ? sources : [.. sources.Select(StoredInMemory.Of)];
        _rowOf = rowOf;
    }

    public override void Read(long first, Span<byte> destination)
    {
        long end = first + (destination.Length / Format.BlockBytes * Format.BlockSize);
        for (long position = first; position < end;)
        {
            (long row, long column) = Math.DivRem(position, RowLength);
            (int source, long sourceRow) = _rowOf(row);
            long rows = 1;
            while ((row + rows) * RowLength < end && _rowOf(row + rows) == (source, sourceRow + rows))
                rows++;
            long count = Math.Min(end - position, (rows * RowLength) - column);
            int bytes = BytesOf(count);
            _sources[source].Read((sourceRow * RowLength) + column, destination[..bytes]);
            destination = destination[bytes..];
            position += count;
        }
    }
}

using System.Buffers;

namespace GgufQuant.HuggingFace.Tensors;

/// <summary>The columns of a tensor in another order.</summary>
internal sealed class ColumnsOfValues(TensorValues source, int[] columns) : TensorValues(source.Type, [.. source.Shape[..^1], columns.Length])
{
    public override void Read(long first, Span<byte> destination)
    {
        int width = Format.BlockBytes;
        int rowBytes = BytesOf(source.RowLength);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(rowBytes);
        Span<byte> values = buffer.AsSpan(0, rowBytes);
        long last = -1;
        for (; !destination.IsEmpty; destination = destination[width..], first++)
        {
            (long row, long column) = Math.DivRem(first, RowLength);
            if (row != last)
                source.Read(row * source.RowLength, values);
            last = row;
            values.Slice(columns[column] * width, width).CopyTo(destination);
        }
        ArrayPool<byte>.Shared.Return(buffer);
    }
}

using System.Collections.Immutable;
using GgufQuant.Formats;

namespace GgufQuant.Gguf;

/// <summary>One tensor of a file: its name, its shape and where its bytes are.</summary>
public sealed class GgufTensor
{
    internal GgufTensor(string name, BlockFormat format, ImmutableArray<long> shape, int shard, long offset, long dataOffset)
    {
        Name = name;
        Format = format;
        Shape = shape;
        Shard = shard;
        Offset = offset;
        FileOffset = dataOffset + offset;
        RowLength = shape.Length == 0 ? 1 : shape[0];
        ElementCount = CountElements(shape);
        RowCount = ElementCount == 0 ? 0 : ElementCount / RowLength;
        ByteCount = format.ByteCount(ElementCount);
    }

    /// <summary>The name, such as <c>blk.0.attn_q.weight</c>.</summary>
    public string Name { get; }

    /// <summary>The type of the weights.</summary>
    public GgmlType Type => Format.Type;

    /// <summary>The type as an object: block, bytes, how to read it.</summary>
    public BlockFormat Format { get; }

    /// <summary>The dimensions in the file's order, row length first.</summary>
    public ImmutableArray<long> Shape { get; }

    /// <summary>Weights in the tensor.</summary>
    public long ElementCount { get; }

    /// <summary>Weights per row: the first dimension.</summary>
    public long RowLength { get; }

    /// <summary>Rows in all matrices of the tensor.</summary>
    public long RowCount { get; }

    /// <summary>Bytes of data.</summary>
    public long ByteCount { get; }

    /// <summary>Which of the file's shards holds the data, from 0.</summary>
    public int Shard { get; }

    /// <summary>Where the data starts, in bytes from the start of the shard's data section.</summary>
    public long Offset { get; }

    /// <summary>Where the data starts, in bytes from the start of the shard's file.</summary>
    public long FileOffset { get; }

    /// <summary>Name, shape and type, such as <c>output.weight [4096, 32000] q6_K</c>.</summary>
    public override string ToString() => $"{Name} [{string.Join(", ", Shape)}] {Format}";

    /// <summary>The product of the dimensions.</summary>
    /// <exception cref="OverflowException">It exceeds 63 bits.</exception>
    internal static long CountElements(ImmutableArray<long> shape)
    {
        if (shape.Contains(0))
            return 0;
        long count = 1;
        foreach (long dimension in shape)
            count = checked(count * dimension);
        return count;
    }
}

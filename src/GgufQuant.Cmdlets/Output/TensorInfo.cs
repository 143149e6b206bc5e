using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>One tensor of a model.</summary>
public class TensorInfo
{
    internal TensorInfo(GgufFile model, GgufTensor tensor)
    {
        Path = model.Shards[tensor.Shard].Path;
        Name = tensor.Name;
        TensorType = tensor.Type;
        Shape = new(tensor.Shape, " x ");
        WeightCount = tensor.ElementCount;
        Size = tensor.ByteCount;
        Offset = tensor.FileOffset;
        BitsPerWeight = tensor.Format.BitsPerWeight;
    }

    /// <summary>The full path of its file.</summary>
    public string Path { get; }

    /// <summary>The name, such as <c>blk.0.attn_q.weight</c>.</summary>
    public string Name { get; }

    /// <summary>The name of the weights' type: <c>Q4_K</c>.</summary>
    public string Type => TensorType.ToString();

    /// <summary>The type of the weights.</summary>
    public GgmlType TensorType { get; }

    /// <summary>The dimensions, row length first.</summary>
    public ValueList<long> Shape { get; }

    /// <summary>Number of weights.</summary>
    public long WeightCount { get; }

    /// <summary>Size of its data in bytes.</summary>
    public long Size { get; }

    /// <summary>Where its data starts, in bytes from the start of the file.</summary>
    public long Offset { get; }

    /// <summary>Bits per weight.</summary>
    public double BitsPerWeight { get; }

    /// <summary>The tensor's name.</summary>
    public override string ToString() => Name;
}

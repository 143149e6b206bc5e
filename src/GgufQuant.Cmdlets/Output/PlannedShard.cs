using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>A shard of a planned file.</summary>
public sealed class PlannedShard
{
    internal PlannedShard(int number, QuantizationPlan part, string destination, IReadOnlyDictionary<string, TensorPlan> tensors)
    {
        Number = number;
        Path = part.PathsAt(destination)[0];
        Size = part.TotalBytes;
        SourceSize = part.SourceBytes;
        Tensors = new(part.Tensors.Select(tensor => tensors[tensor.Name]));
    }

    /// <summary>Its number, from 1, as -Shard of ConvertTo-Quantized takes it.</summary>
    public int Number { get; }

    /// <summary>The full path of the file that would be written.</summary>
    public string Path { get; }

    /// <summary>Size of that file in bytes.</summary>
    public long Size { get; }

    /// <summary>Bytes of the source that would be read: those of its tensors.</summary>
    public long SourceSize { get; }

    /// <summary>How each of its tensors would be quantized.</summary>
    public ValueList<TensorPlan> Tensors { get; }

    /// <summary>The path of the file that would be written.</summary>
    public override string ToString() => Path;
}

using GgufQuant.Formats;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>A file as it would be quantized: what Get-QuantPlan returns.</summary>
public sealed class PlannedFile
{
    internal PlannedFile(QuantizationPlan plan, IReadOnlyList<string> paths)
    {
        Destination = paths[0];
        Destinations = new(paths);
        Source = plan.Source.Path;
        FileType = plan.Type;
        Size = plan.TotalBytes;
        SourceSize = plan.Source.Length;
        BitsPerWeight = plan.BitsPerWeight;
        Shares = TensorTypeShare.Of(plan.Shares);
        Tensors = new(plan.Tensors.Select(tensor => new TensorPlan(tensor)));
    }

    /// <summary>The full path of the file that would be written, or of the first shard.</summary>
    public string Destination { get; }

    /// <summary>The full paths of all files that would be written.</summary>
    public ValueList<string> Destinations { get; }

    /// <summary>The full path of the model.</summary>
    public string Source { get; }

    /// <summary>The name of what it would be quantized to: <c>Q4_K_M</c>; of a copy what it would hold, null where nothing tells.</summary>
    public string? Type => FileType?.ToString();

    /// <summary>What it would be quantized to; of a copy what it would hold, null where nothing tells.</summary>
    public FileType? FileType { get; }

    /// <summary>Bytes the file would take.</summary>
    public long Size { get; }

    /// <summary>Bytes of the model.</summary>
    public long SourceSize { get; }

    /// <summary>Its size as a share of the source's, 0 to 1.</summary>
    public double RelativeSize => SourceSize == 0 ? 0 : (double)Size / SourceSize;

    /// <summary>Bits a weight would take on average.</summary>
    public double BitsPerWeight { get; }

    /// <summary>The types it would hold with their shares of the weights, the largest first.</summary>
    public ValueList<TensorTypeShare> Shares { get; }

    /// <summary>What would become of each tensor, and which rule says so.</summary>
    public ValueList<TensorPlan> Tensors { get; }

    /// <summary>The path of the file that would be written.</summary>
    public override string ToString() => Destination;
}

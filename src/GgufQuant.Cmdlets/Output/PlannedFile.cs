using GgufQuant.Formats;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>A planned file, as returned by Get-QuantPlan.</summary>
public sealed class PlannedFile
{
    internal PlannedFile(QuantizationPlan plan, string destination)
    {
        Destinations = new(plan.PathsAt(destination));
        Destination = Destinations[0];
        Source = plan.Source.Path;
        FileType = plan.Type;
        Size = plan.TotalBytes;
        SourceSize = plan.SourceBytes;
        BitsPerWeight = plan.BitsPerWeight;
        Shares = TensorTypeShare.Of(plan.Shares);
        ExpectedDivergence = plan.Options.Allocation?.Divergence;
        Tensors = new(plan.Tensors.Select(tensor => new TensorPlan(tensor, plan.Options.Allocation?.Types.GetValueOrDefault(tensor.Name))));
        Dictionary<string, TensorPlan> tensors = Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        Shards = new(plan.Shards.Numbers.Select(number => new PlannedShard(number + 1, plan.ForShards([number]), destination, tensors)));
    }

    /// <summary>The full path of the file that would be written, or that of the first shard.</summary>
    public string Destination { get; }

    /// <summary>The full paths of all files that would be written.</summary>
    public ValueList<string> Destinations { get; }

    /// <summary>The full path of the model.</summary>
    public string Source { get; }

    /// <summary>The type it would be quantized to: <c>Q4_K_M</c>; for a copy, the type it would hold, or null if unknown.</summary>
    public string? Type => FileType?.ToString();

    /// <summary>What it would be quantized to; for a copy what it would hold, null if that is unknown.</summary>
    public FileType? FileType { get; }

    /// <summary>Size of the file in bytes.</summary>
    public long Size { get; }

    /// <summary>Size of the model in bytes.</summary>
    public long SourceSize { get; }

    /// <summary>Its size as a share of the source's, 0 to 1.</summary>
    public double RelativeSize => SourceSize == 0 ? 0 : (double)Size / SourceSize;

    /// <summary>Average bits per weight.</summary>
    public double BitsPerWeight { get; }

    /// <summary>The KL divergence from the model that types chosen for a size are expected to cause, in nats per token; null if none are.</summary>
    public double? ExpectedDivergence { get; }

    /// <summary>The types it would hold with their shares of the weights, largest first.</summary>
    public ValueList<TensorTypeShare> Shares { get; }

    /// <summary>The files that would be written; one unless the file is split.</summary>
    public ValueList<PlannedShard> Shards { get; }

    /// <summary>How each tensor would be quantized, and by which rule.</summary>
    public ValueList<TensorPlan> Tensors { get; }

    /// <summary>The path of the file that would be written.</summary>
    public override string ToString() => Destination;
}

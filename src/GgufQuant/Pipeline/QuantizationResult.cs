using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Pipeline;

/// <summary>A written file.</summary>
/// <param name="Path">Its full path, or that of the first shard.</param>
/// <param name="Source">The full path of the source model.</param>
/// <param name="Type">What it was quantized to; for a copy what it holds, null if that is unknown.</param>
/// <param name="Size">Its size in bytes, over all shards.</param>
/// <param name="SourceSize">The source model's size in bytes, over all shards.</param>
/// <param name="Weights">Weights in it.</param>
/// <param name="BitsPerWeight">Average bits per weight, excluding header and padding.</param>
/// <param name="Shares">The types in it with their shares of the weights, largest first.</param>
/// <param name="Duration">Time taken.</param>
/// <param name="Device">The device that quantized it.</param>
public sealed record QuantizationResult(
    string Path,
    string Source,
    FileType? Type,
    long Size,
    long SourceSize,
    long Weights,
    double BitsPerWeight,
    IReadOnlyList<TypeShare> Shares,
    TimeSpan Duration,
    string Device)
{
    /// <summary>Tensors taken from an earlier file or an unfinished one.</summary>
    public int TensorsReused { get; init; }

    /// <summary>Where the time went.</summary>
    public required WorkTimes Times { get; init; }

    /// <summary>Weights per second.</summary>
    public double WeightsPerSecond => Duration > TimeSpan.Zero ? Weights / Duration.TotalSeconds : 0;
}

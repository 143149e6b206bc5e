using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Pipeline;

/// <summary>A file that has been written.</summary>
/// <param name="Path">Its full path, or the first shard's.</param>
/// <param name="Source">The full path of the source model.</param>
/// <param name="Type">What it was quantized to; of a copy what it holds, null where nothing tells.</param>
/// <param name="Size">Its bytes, those of all shards together.</param>
/// <param name="SourceSize">Bytes of the source model, all shards together.</param>
/// <param name="Weights">Weights in it.</param>
/// <param name="BitsPerWeight">Average bits per weight, excluding header and padding.</param>
/// <param name="Shares">The types in it with their shares of the weights, the largest first.</param>
/// <param name="Duration">Time it took.</param>
/// <param name="Device">What quantized it.</param>
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

    /// <summary>Weights per second.</summary>
    public double WeightsPerSecond => Duration > TimeSpan.Zero ? Weights / Duration.TotalSeconds : 0;
}

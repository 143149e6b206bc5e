using GgufQuant.Formats;

namespace GgufQuant.Models;

/// <summary>A GGUF file that was quantized or converted.</summary>
/// <param name="Path">Its full path, or that of the first shard.</param>
/// <param name="Source">The full path of the source model: a file, or a Hugging Face folder.</param>
/// <param name="Type">The requested type; for a copy the type of its tensors, or null if that is unknown.</param>
/// <param name="Size">Its size in bytes, over all shards.</param>
/// <param name="SourceSize">The size of the source's weights in bytes, over all files.</param>
/// <param name="Weights">The number of weights.</param>
/// <param name="BitsPerWeight">Average bits per weight, excluding header and padding.</param>
/// <param name="Shares">The types in it with their shares of the weights, largest first.</param>
/// <param name="Duration">Time taken; of several files made in one pass, from the pass's start until this one was complete.</param>
public record WrittenFile(
    string Path,
    string Source,
    FileType? Type,
    long Size,
    long SourceSize,
    long Weights,
    double BitsPerWeight,
    IReadOnlyList<TypeShare> Shares,
    TimeSpan Duration)
{
    /// <summary>Weights per second.</summary>
    public double WeightsPerSecond => Duration > TimeSpan.Zero ? Weights / Duration.TotalSeconds : 0;
}

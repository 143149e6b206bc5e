using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.HuggingFace;

/// <summary>A GGUF file converted from a Hugging Face model.</summary>
/// <param name="Path">Its full path, or the first shard's.</param>
/// <param name="Source">The full path of the folder.</param>
/// <param name="Type">What it was converted to.</param>
/// <param name="Size">Its bytes, those of all shards together.</param>
/// <param name="SourceSize">Bytes of the folder's weights.</param>
/// <param name="Weights">Weights in it.</param>
/// <param name="BitsPerWeight">Average bits per weight, excluding header and padding.</param>
/// <param name="Shares">The types in it with their shares of the weights, the largest first.</param>
/// <param name="Duration">Time it took.</param>
public sealed record ConversionResult(
    string Path,
    string Source,
    FileType Type,
    long Size,
    long SourceSize,
    long Weights,
    double BitsPerWeight,
    IReadOnlyList<TypeShare> Shares,
    TimeSpan Duration);

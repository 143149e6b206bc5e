using GgufQuant.Models;

namespace GgufQuant.Pipeline;

/// <summary>A quantized file, and how it was quantized.</summary>
public sealed record QuantizationResult : WrittenFile
{
    internal QuantizationResult(WrittenFile file)
        : base(file)
    {
    }

    /// <summary>The device that quantized it.</summary>
    public required string Device { get; init; }

    /// <summary>Tensors taken from an earlier file or an unfinished one.</summary>
    public int TensorsReused { get; init; }

    /// <summary>Where the time went.</summary>
    public required WorkTimes Times { get; init; }
}

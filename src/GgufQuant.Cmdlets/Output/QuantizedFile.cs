using GgufQuant.Planning;
using GgufQuant.Quantization;

namespace GgufQuant.Commands;

/// <summary>A file that has been quantized.</summary>
public sealed class QuantizedFile
{
    internal QuantizedFile(QuantizationResult result, string? hash)
    {
        Path = result.Path;
        Source = result.Source;
        Type = result.Type;
        Size = result.Size;
        SourceSize = result.SourceSize;
        BitsPerWeight = result.BitsPerWeight;
        Weights = result.Weights;
        Shares = result.Shares;
        Duration = result.Duration;
        WeightsPerSecond = result.WeightsPerSecond;
        Hash = hash;
    }

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>The full path of the model it was made of.</summary>
    public string Source { get; }

    /// <summary>What it was quantized to.</summary>
    public FileType Type { get; }

    /// <summary>Bytes.</summary>
    public long Size { get; }

    /// <summary>Bytes of the model it was made of.</summary>
    public long SourceSize { get; }

    /// <summary>Its size as a share of the source's, 0 to 1.</summary>
    public double RelativeSize => SourceSize == 0 ? 0 : (double)Size / SourceSize;

    /// <summary>Bits a weight takes on average, header and padding left out.</summary>
    public double BitsPerWeight { get; }

    /// <summary>Weights in it.</summary>
    public long Weights { get; }

    /// <summary>The types in it with their shares of the weights, the largest first.</summary>
    public IReadOnlyList<TypeShare> Shares { get; }

    /// <summary>Time the conversion took.</summary>
    public TimeSpan Duration { get; }

    /// <summary>Weights quantized a second.</summary>
    public double WeightsPerSecond { get; }

    /// <summary>SHA-256 of the file in hexadecimal; null unless it was asked for.</summary>
    public string? Hash { get; }

    /// <summary>The file's path, so that the object can stand where a path is asked for.</summary>
    public override string ToString() => Path;
}

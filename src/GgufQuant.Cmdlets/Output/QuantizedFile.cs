using GgufQuant.Formats;
using GgufQuant.Gpu;
using GgufQuant.Pipeline;

namespace GgufQuant.Commands;

/// <summary>A file that has been quantized.</summary>
public sealed class QuantizedFile
{
    internal QuantizedFile(QuantizationResult result, IReadOnlyList<string> paths, IQuantizationDevice device, string? hash)
    {
        Paths = new(paths);
        Device = result.Device;
        DeviceShare = device is GpuDevice gpu ? gpu.Share : 1;
        TensorsReused = result.TensorsReused;
        Path = result.Path;
        Source = result.Source;
        FileType = result.Type;
        Size = result.Size;
        SourceSize = result.SourceSize;
        BitsPerWeight = result.BitsPerWeight;
        WeightCount = result.Weights;
        Shares = TensorTypeShare.Of(result.Shares);
        Duration = result.Duration;
        WeightsPerSecond = result.WeightsPerSecond;
        Hash = hash;
    }

    /// <summary>The full path, or the first shard's.</summary>
    public string Path { get; }

    /// <summary>The full paths of all shards; one unless the file was split.</summary>
    public ValueList<string> Paths { get; }

    /// <summary>The full path of the model it was made of.</summary>
    public string Source { get; }

    /// <summary>The name of what it was quantized to: <c>Q4_K_M</c>; of a copy what it holds, null where nothing tells.</summary>
    public string? Type => FileType?.ToString();

    /// <summary>What it was quantized to; of a copy what it holds, null where nothing tells.</summary>
    public FileType? FileType { get; }

    /// <summary>Bytes.</summary>
    public long Size { get; }

    /// <summary>Bytes of the model it was made of.</summary>
    public long SourceSize { get; }

    /// <summary>Its size as a share of the source's, 0 to 1.</summary>
    public double RelativeSize => SourceSize == 0 ? 0 : (double)Size / SourceSize;

    /// <summary>Bits a weight takes on average, header and padding left out.</summary>
    public double BitsPerWeight { get; }

    /// <summary>Weights in it.</summary>
    public long WeightCount { get; }

    /// <summary>The types in it with their shares of the weights, the largest first.</summary>
    public ValueList<TensorTypeShare> Shares { get; }

    /// <summary>Time the conversion took.</summary>
    public TimeSpan Duration { get; }

    /// <summary>Weights quantized a second.</summary>
    public double WeightsPerSecond { get; }

    /// <summary>What quantized it.</summary>
    public string Device { get; }

    /// <summary>The share of the weights that the device made itself, 0 to 1; the processor made the rest.</summary>
    public double DeviceShare { get; }

    /// <summary>Tensors taken from an earlier file or from an unfinished one.</summary>
    public int TensorsReused { get; }

    /// <summary>SHA-256 of the file in hexadecimal, of several shards with spaces between; null unless it was asked for.</summary>
    public string? Hash { get; }

    /// <summary>The file's path, so that the object can stand where a path is asked for.</summary>
    public override string ToString() => Path;
}

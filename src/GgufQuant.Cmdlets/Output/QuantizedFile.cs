using GgufQuant.Formats;
using GgufQuant.Models;
using GgufQuant.Pipeline;

namespace GgufQuant.Commands;

/// <summary>A quantized file, or one converted from a Hugging Face folder.</summary>
public sealed class QuantizedFile
{
    /// <param name="file">The file, or the shards asked for.</param>
    /// <param name="written">What of it has been written; null if all was kept.</param>
    /// <param name="paths">The full paths of the files asked for.</param>
    /// <param name="keptPaths">Those that existed and were kept.</param>
    internal QuantizedFile(WrittenFile file, WrittenFile? written, IReadOnlyList<string> paths, IReadOnlyList<string> keptPaths)
    {
        Paths = new(paths);
        KeptPaths = new(keptPaths);
        Device = (written as QuantizationResult)?.Device ?? CpuDevice.NameOf(Environment.ProcessorCount);
        TensorsReused = (written as QuantizationResult)?.TensorsReused ?? 0;
        Path = file.Path;
        Source = file.Source;
        FileType = file.Type;
        Size = file.Size;
        SourceSize = file.SourceSize;
        BitsPerWeight = file.BitsPerWeight;
        WeightCount = file.Weights;
        Shares = TensorTypeShare.Of(file.Shares);
        Duration = written?.Duration ?? TimeSpan.Zero;
        WeightsPerSecond = written?.WeightsPerSecond ?? 0;
    }

    /// <summary>The full path, or that of the first shard.</summary>
    public string Path { get; }

    /// <summary>The full paths of all shards, or of those that were asked for; one unless the file was split.</summary>
    public ValueList<string> Paths { get; }

    /// <summary>The full paths of those that were finished before and kept by -SkipExisting.</summary>
    public ValueList<string> KeptPaths { get; }

    /// <summary>The full path of the source model.</summary>
    public string Source { get; }

    /// <summary>The type it was quantized to: <c>Q4_K_M</c>; for a copy, the type it holds, or null if unknown.</summary>
    public string? Type => FileType?.ToString();

    /// <summary>What it was quantized to; for a copy what it holds, null if that is unknown.</summary>
    public FileType? FileType { get; }

    /// <summary>Size in bytes, of the shards that were asked for.</summary>
    public long Size { get; }

    /// <summary>Size of the source model in bytes, or of the tensors in the shards that were asked for.</summary>
    public long SourceSize { get; }

    /// <summary>Its size as a share of the source's, 0 to 1.</summary>
    public double RelativeSize => SourceSize == 0 ? 0 : (double)Size / SourceSize;

    /// <summary>Average bits per weight, excluding header and padding.</summary>
    public double BitsPerWeight { get; }

    /// <summary>Number of weights.</summary>
    public long WeightCount { get; }

    /// <summary>The types in it with their shares of the weights, largest first.</summary>
    public ValueList<TensorTypeShare> Shares { get; }

    /// <summary>Time taken; of several files made in one pass, from the pass's start until this one was complete.</summary>
    public TimeSpan Duration { get; }

    /// <summary>Weights of this file per second of <see cref="Duration"/>.</summary>
    public double WeightsPerSecond { get; }

    /// <summary>The device that quantized it.</summary>
    public string Device { get; }

    /// <summary>Share of the weights that the device itself quantized, 0 to 1, over all files of one call and source; the processor did the rest.</summary>
    public double DeviceShare { get; internal init; } = 1;

    /// <summary>Number of tensors copied from an earlier file or kept from an unfinished one.</summary>
    public int TensorsReused { get; }

    /// <summary>SHA-256 of the file in hexadecimal, for several shards separated by spaces; null unless it was requested.</summary>
    public string? Hash { get; internal init; }

    /// <summary>The file's path, so that the object can be passed as a path.</summary>
    public override string ToString() => Path;
}

using GgufQuant.Advice;
using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>A type in which a model fits into memory, and how good it should be.</summary>
public sealed class QuantTypeFit
{
    private readonly QuantAdvice _advice;

    internal QuantTypeFit(string path, QuantAdvice advice, string recommendation)
    {
        Path = path;
        Recommendation = recommendation;
        _advice = advice;
    }

    /// <summary>The file type's name: <c>Q4_K_M</c>.</summary>
    public string Type => FileType.ToString();

    /// <summary>The file type.</summary>
    public FileType FileType => _advice.Type.Type;

    /// <summary>The type's name, as the type to quantize to.</summary>
    public string QuantType => _advice.Type.Name;

    /// <summary>The full path of the model.</summary>
    public string Path { get; }

    /// <summary>Size of the file in bytes.</summary>
    public long Size => _advice.FileSize;

    /// <summary>Bytes of memory to run the model in this type.</summary>
    public long Memory => _advice.Memory.Total;

    /// <summary>Bytes of the memory there is that stay free: the host's, or the card's where that is the only one given.</summary>
    public long Margin => _advice.Margin;

    /// <summary>The layers that fit on the graphics card, from the last, the output being the first of them; null where no card was given.</summary>
    public int? GpuLayers => _advice.Memory.Placement?.GpuLayers;

    /// <summary>The model's layers, without the output; null where no card was given.</summary>
    public int? ModelLayers => _advice.Memory.Placement?.Layers - 1;

    /// <summary>The layers, from the first, whose experts stay on the host though the rest is on the card; null where no card was given.</summary>
    public int? CpuMoeLayers => _advice.Memory.Placement?.CpuMoeLayers;

    /// <summary>Bytes of that memory on the card; null where none was given.</summary>
    public long? GpuMemory => _advice.Memory.Placement?.Gpu.Total;

    /// <summary>Bytes of that memory on the host; null where no card was given.</summary>
    public long? HostMemory => _advice.Memory.Placement?.Host.Total;

    /// <summary>The arguments with which llama.cpp's programs divide the model so; null where no card was given.</summary>
    public string? GpuArguments => _advice.Memory.Placement?.Arguments;

    /// <summary>How well it fits: Comfortable or Tight.</summary>
    public string Fit => _advice.Fit.ToString();

    /// <summary>The expected Kullback-Leibler divergence from the unquantized model's predictions, in nats.</summary>
    public double KlDivergence => _advice.Quality.KlDivergence;

    /// <summary>Where that number comes from.</summary>
    public string QualitySource => _advice.Quality.Source;

    /// <summary>Whether the number was measured on this model.</summary>
    public bool IsMeasured => _advice.Quality.IsMeasured;

    /// <summary>What an importance matrix does for the type: Ignored, Optional, Advised or Required.</summary>
    public string Imatrix => _advice.Type.Imatrix.ToString();

    /// <summary>What the type is good for.</summary>
    public string Summary => _advice.Type.Summary;

    /// <summary>Whether this is the recommended type.</summary>
    public bool IsRecommended => _advice.IsRecommended;

    /// <summary>Why it is recommended, or what speaks against it, in a sentence.</summary>
    public string Reason => _advice.Reason;

    /// <summary>Which type is recommended for the model, and why: the same for all its types.</summary>
    public string Recommendation { get; }

    /// <summary>What the memory is needed for, and what the estimate assumes.</summary>
    public MemoryEstimate GetMemoryEstimate() => _advice.Memory;

    /// <summary>The type's name.</summary>
    public override string ToString() => Type;
}

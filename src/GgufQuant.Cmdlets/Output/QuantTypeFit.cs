using GgufQuant.Advice;
using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>A type in which a model fits into memory, and how good it should be.</summary>
public sealed class QuantTypeFit
{
    private readonly QuantAdvice _advice;

    internal QuantTypeFit(string source, QuantAdvice advice)
    {
        Source = source;
        _advice = advice;
    }

    /// <summary>The file type.</summary>
    public FileType Type => _advice.Type.Type;

    /// <summary>The type's name, as what to make of the model.</summary>
    public string QuantType => _advice.Type.Name;

    /// <summary>The full path of the model.</summary>
    public string Path => Source;

    /// <summary>The full path of the model.</summary>
    public string Source { get; }

    /// <summary>Bytes of the file.</summary>
    public long Size => _advice.FileSize;

    /// <summary>Bytes of memory to run the model in this type.</summary>
    public long Memory => _advice.Memory.Total;

    /// <summary>What the memory is needed for, and what the estimate assumes.</summary>
    public MemoryEstimate MemoryEstimate => _advice.Memory;

    /// <summary>Bytes of the budget that stay free.</summary>
    public long Margin => _advice.Margin;

    /// <summary>How well it fits.</summary>
    public MemoryFit Fit => _advice.Fit;

    /// <summary>The expected Kullback-Leibler divergence from the unquantized model's predictions.</summary>
    public double KlDivergence => _advice.Quality.KlDivergence;

    /// <summary>Where that number comes from.</summary>
    public string QualitySource => _advice.Quality.Source;

    /// <summary>What an importance matrix does for the type.</summary>
    public ImatrixAdvice Imatrix => _advice.Type.Imatrix;

    /// <summary>What the type is good for.</summary>
    public string Summary => _advice.Type.Summary;

    /// <summary>Whether this is the one to take.</summary>
    public bool IsRecommended => _advice.IsRecommended;

    /// <summary>Why it is the one to take, or what speaks against it, in a sentence.</summary>
    public string Reason => _advice.Reason;

    /// <summary>The type's name.</summary>
    public override string ToString() => Type.ToString();
}

using GgufQuant.Catalog;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>How well a type suits a model and a memory budget.</summary>
public sealed class QuantTypeFit
{
    internal QuantTypeFit(QuantType type, string source, long size, MemoryEstimate memory, long budget, double? loss, string? lossSource)
    {
        Type = type.Type;
        Source = source;
        Size = size;
        MemoryEstimate = memory;
        Margin = budget - memory.Total;
        KlDivergence = loss;
        QualitySource = lossSource;
        Imatrix = type.Imatrix;
        Summary = type.Summary;
    }

    /// <summary>The file type.</summary>
    public FileType Type { get; }

    /// <summary>The full path of the model.</summary>
    public string Source { get; }

    /// <summary>Bytes the weights would take.</summary>
    public long Size { get; }

    /// <summary>Bytes of memory to run the model in this type.</summary>
    public long Memory => MemoryEstimate.Total;

    /// <summary>What the memory is needed for, and what the estimate assumes.</summary>
    public MemoryEstimate MemoryEstimate { get; }

    /// <summary>Bytes of the budget that stay free.</summary>
    public long Margin { get; }

    /// <summary>The expected Kullback-Leibler divergence from the unquantized model; null if nobody has published one.</summary>
    public double? KlDivergence { get; }

    /// <summary>Who measured that.</summary>
    public string? QualitySource { get; }

    /// <summary>What an importance matrix does for the type.</summary>
    public ImatrixUse Imatrix { get; }

    /// <summary>What the type is good for.</summary>
    public string Summary { get; }

    /// <summary>Whether this is the one to take.</summary>
    public bool IsRecommended => Recommendation is not null;

    /// <summary>Why this is the one to take, in a sentence; null for the others.</summary>
    public string? Recommendation { get; internal set; }

    /// <summary>The type's name.</summary>
    public override string ToString() => Type.ToString();
}

using GgufQuant.Catalog;
using GgufQuant.Formats;

namespace GgufQuant.Commands;

/// <summary>A file type as a user chooses it: what it costs in bits and in quality, and what it is good for.</summary>
public sealed class QuantTypeInfo
{
    private readonly QuantType _type;

    internal QuantTypeInfo(QuantType type) => _type = type;

    /// <summary>The name as llama.cpp prints it: <c>Q4_K_M</c>.</summary>
    public string Name => _type.Name;

    /// <summary>The same name, under which the objects of other cmdlets have it.</summary>
    public string Type => _type.Name;

    /// <summary>The file type.</summary>
    public FileType FileType => _type.Type;

    /// <summary>The tensor type that most weights get: <c>Q4_K</c>.</summary>
    public string BaseType => _type.BaseType.ToString();

    /// <summary>Bits per weight over a whole file, with the shapes of Llama 3.1 8B; other models differ by a few percent.</summary>
    public double BitsPerWeight => _type.BitsPerWeight;

    /// <summary>Weights per block of the base type.</summary>
    public int BlockSize => _type.BlockSize;

    /// <summary>Bytes per block of the base type.</summary>
    public int BlockBytes => _type.BlockBytes;

    /// <summary>The mean Kullback-Leibler divergence published for it, in nats; null if there is none.</summary>
    public double? KlDivergence => _type.Quality?.KlDivergence;

    /// <summary>The perplexity published for it; null if there is none.</summary>
    public double? Perplexity => _type.Quality?.Perplexity;

    /// <summary>The published quality relative to the unquantized model, 0 to 1; null if there is none.</summary>
    public double? RelativeQuality => _type.Quality?.RelativeQuality;

    /// <summary>The share of positions where the likeliest token stays the same, 0 to 1; null if none is published.</summary>
    public double? TopTokenMatch => _type.Quality?.TopTokenMatch;

    /// <summary>Where these measurements were published; null if there are none.</summary>
    public string? QualitySource => _type.Quality?.Source;

    /// <summary>What an importance matrix does for it: Ignored, Optional, Advised or Required.</summary>
    public string Imatrix => _type.Imatrix.ToString();

    /// <summary>What it is good for, in a sentence.</summary>
    public string Summary => _type.Summary;

    /// <summary>Which tensors get another type than the base type, in a sentence.</summary>
    public string TypeSelection => _type.TypeSelection;

    /// <summary>What the letters and digits of the name mean.</summary>
    public IReadOnlyList<NamePart> GetNameParts() => _type.NameParts;

    /// <summary>Every published measurement, the most telling first.</summary>
    public IReadOnlyList<PublishedQuality> GetPublished() => _type.Published;

    /// <summary>The type's name.</summary>
    public override string ToString() => Name;
}

using GgufQuant.Formats;

namespace GgufQuant.Catalog;

/// <summary>A file type as users choose it: its bits, its quality and its purpose.</summary>
/// <param name="Type">The file type.</param>
/// <param name="BaseType">The tensor type of most weights.</param>
/// <param name="BitsPerWeight">
/// Bits per weight over a whole file with the shapes of Llama 3.1 8B; other models differ by a few per cent.
/// For the 4-bit floating-point types, which suit other models, the bits of their blocks.
/// </param>
/// <param name="Imatrix">What an importance matrix does for it.</param>
/// <param name="Summary">What it is good for, in a sentence.</param>
/// <param name="TypeSelection">Which tensors get another type than <paramref name="BaseType"/>, in a sentence.</param>
public sealed record QuantType(
    FileType Type, GgmlType BaseType, double BitsPerWeight, ImatrixAdvice Imatrix, string Summary, string TypeSelection)
{
    /// <summary>The name as llama.cpp prints it: <c>Q4_K_M</c>.</summary>
    public string Name => Type.ToString();

    /// <summary>The format of most weights.</summary>
    public BlockFormat Format => BlockFormat.Of(BaseType);

    /// <summary>Weights per block of that format.</summary>
    public int BlockSize => Format.BlockSize;

    /// <summary>Bytes per block of that format.</summary>
    public int BlockBytes => Format.BlockBytes;

    /// <summary>Every published measurement, the most informative first.</summary>
    public IReadOnlyList<PublishedQuality> Published => PublishedMeasurements.Of(Type);

    /// <summary>The measurement to quote: the first published one, if any.</summary>
    public PublishedQuality? Quality => Published.Count > 0 ? Published[0] : null;

    /// <summary>What the letters and digits of the name mean.</summary>
    public IReadOnlyList<NamePart> NameParts => QuantName.Explain(Name);

    /// <summary>The type's name.</summary>
    public override string ToString() => Name;
}

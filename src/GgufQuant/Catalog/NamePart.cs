namespace GgufQuant.Catalog;

/// <summary>A piece of a quantization's name and its meaning.</summary>
/// <param name="Text">The piece: <c>Q4</c>, <c>_K</c>, <c>_M</c>.</param>
/// <param name="Meaning">Its meaning, in a phrase.</param>
public sealed record NamePart(string Text, string Meaning)
{
    /// <summary>The piece and its meaning.</summary>
    public override string ToString() => $"{Text}: {Meaning}";
}

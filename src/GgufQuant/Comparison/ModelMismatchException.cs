using GgufQuant.IO;

namespace GgufQuant.Comparison;

/// <summary>Two files are not the same model, so their weights cannot be compared; the message says how they differ.</summary>
public sealed class ModelMismatchException : Exception
{
    /// <summary>Describes one difference.</summary>
    /// <param name="referencePath">The reference's file.</param>
    /// <param name="candidatePath">The other file.</param>
    /// <param name="difference">What differs, as a full sentence.</param>
    public ModelMismatchException(string referencePath, string candidatePath, string difference)
        : base(PrintableText.Escape($"'{candidatePath}' cannot be compared with '{referencePath}': they are different models. {difference}"))
    {
    }
}

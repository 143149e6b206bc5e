using GgufQuant.IO;

namespace GgufQuant.Imatrix;

/// <summary>A file is not a valid importance matrix; the message names the file, the field and its offset.</summary>
public sealed class ImatrixFormatException : Exception
{
    /// <param name="filePath">The file.</param>
    /// <param name="field">The invalid field.</param>
    /// <param name="offset">Where it starts, in bytes from the start of the file.</param>
    /// <param name="problem">What is wrong, without the final period.</param>
    public ImatrixFormatException(string filePath, string field, long offset, string problem)
        : base(PrintableText.Escape($"'{filePath}' cannot be read as an importance matrix. {field} at byte {offset}: {problem}."))
    {
        FilePath = filePath;
        Field = field;
        Offset = offset;
    }

    /// <summary>The file.</summary>
    public string FilePath { get; }

    /// <summary>The invalid field.</summary>
    public string Field { get; }

    /// <summary>Where it starts, in bytes from the start of the file.</summary>
    public long Offset { get; }
}

namespace GgufQuant.IO;

/// <summary>A file is not what it should be; the message names the file, the field and its offset.</summary>
public abstract class FileFormatException : Exception
{
    /// <summary>Describes an invalid field.</summary>
    /// <param name="filePath">The file with the field.</param>
    /// <param name="kind">What the file should be, in words that follow "as".</param>
    /// <param name="field">The field, such as <c>metadata[12] 'tokenizer.ggml.tokens' length</c>.</param>
    /// <param name="offset">Where the field starts, in bytes from the start of the file.</param>
    /// <param name="problem">What is wrong, as a full sentence without the final period.</param>
    protected FileFormatException(string filePath, string kind, string field, long offset, string problem)
        : base(PrintableText.Escape($"'{filePath}' cannot be read as {kind}. {field} at byte {offset}: {problem}."))
    {
        FilePath = filePath;
        Field = field;
        Offset = offset;
        Problem = problem;
    }

    /// <summary>The file with the field.</summary>
    public string FilePath { get; }

    /// <summary>The invalid field.</summary>
    public string Field { get; }

    /// <summary>Where the field starts, in bytes from the start of the file.</summary>
    public long Offset { get; }

    /// <summary>What is wrong, as a full sentence without the final period.</summary>
    public string Problem { get; }
}

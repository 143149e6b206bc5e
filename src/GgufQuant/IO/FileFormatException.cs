namespace GgufQuant.IO;

/// <summary>A file does not hold what it should: the message names the file, the field and its offset.</summary>
public abstract class FileFormatException : Exception
{
    /// <summary>Describes one wrong field.</summary>
    /// <param name="filePath">The file that holds the field.</param>
    /// <param name="kind">What the file should be, in words that follow "as".</param>
    /// <param name="field">The field, as <c>metadata[12] 'tokenizer.ggml.tokens' length</c>.</param>
    /// <param name="offset">Where the field starts, in bytes from the start of the file.</param>
    /// <param name="problem">What is wrong, as a full sentence without its final stop.</param>
    protected FileFormatException(string filePath, string kind, string field, long offset, string problem)
        : base($"'{filePath}' cannot be read as {kind}. {field} at byte {offset}: {problem}.")
    {
        FilePath = filePath;
        Field = field;
        Offset = offset;
    }

    /// <summary>The file that holds the field.</summary>
    public string FilePath { get; }

    /// <summary>The field that is wrong.</summary>
    public string Field { get; }

    /// <summary>Where the field starts, in bytes from the start of the file.</summary>
    public long Offset { get; }
}

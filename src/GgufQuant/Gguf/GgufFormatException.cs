namespace GgufQuant.Gguf;

/// <summary>A file is not the GGUF file it should be: the message names the file, the field and its place.</summary>
public sealed class GgufFormatException : Exception
{
    /// <summary>Describes one wrong field.</summary>
    /// <param name="filePath">The file that holds the field.</param>
    /// <param name="field">The field, as <c>metadata[12] 'tokenizer.ggml.tokens' length</c>.</param>
    /// <param name="offset">Where the field starts, in bytes from the start of the file.</param>
    /// <param name="problem">What is wrong, as a full sentence without its final stop.</param>
    public GgufFormatException(string filePath, string field, long offset, string problem)
        : base($"'{filePath}' cannot be read as GGUF. {field} at byte {offset}: {problem}.")
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

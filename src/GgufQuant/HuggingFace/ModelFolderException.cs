namespace GgufQuant.HuggingFace;

/// <summary>A folder is not a Hugging Face model that can be converted; the message names the file and, in a binary file, the field and its offset.</summary>
public sealed class ModelFolderException : Exception
{
    /// <summary>Describes what is wrong with a file, or with the folder as a whole.</summary>
    /// <param name="path">The file or the folder.</param>
    /// <param name="problem">What is wrong and what to do, as a sentence without the final period.</param>
    /// <param name="inner">The cause.</param>
    public ModelFolderException(string path, string problem, Exception? inner = null)
        : base($"'{path}': {problem}.", inner)
    {
        FilePath = path;
        Offset = -1;
    }

    /// <summary>Describes one wrong field of a binary file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="field">The field, such as <c>tensor 'lm_head.weight' data_offsets</c>.</param>
    /// <param name="offset">Where the field starts, in bytes from the start of the file.</param>
    /// <param name="problem">What is wrong, as a sentence without the final period.</param>
    public ModelFolderException(string path, string field, long offset, string problem)
        : base($"'{path}' cannot be read. {field} at byte {offset}: {problem}.")
    {
        FilePath = path;
        Field = field;
        Offset = offset;
    }

    /// <summary>The file or the folder.</summary>
    public string FilePath { get; }

    /// <summary>The field that is wrong; null if the whole file is.</summary>
    public string? Field { get; }

    /// <summary>Where the field starts, in bytes from the start of the file; -1 if the whole file is wrong.</summary>
    public long Offset { get; }
}

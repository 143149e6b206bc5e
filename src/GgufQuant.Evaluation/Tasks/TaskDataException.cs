namespace GgufQuant.Evaluation.Tasks;

/// <summary>A file of questions cannot be read, or its questions cannot be asked.</summary>
public sealed class TaskDataException : Exception
{
    /// <summary>Describes what is wrong with a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="position">Where in the file, as a line or an offset; null for the whole file.</param>
    /// <param name="problem">What is wrong, and what is expected.</param>
    public TaskDataException(string path, string? position, string problem)
        : this(position is null ? $"'{path}': {problem}" : $"'{path}', {position}: {problem}")
    {
    }

    internal TaskDataException(string message)
        : base(message)
    {
    }
}

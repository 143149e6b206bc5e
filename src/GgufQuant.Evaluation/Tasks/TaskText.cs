using GgufQuant.IO;

namespace GgufQuant.Evaluation.Tasks;

/// <summary>The lines of a text file of questions, numbered from 1.</summary>
internal sealed class TaskText
{
    // A line of JSON contains a question and all of its choices.
    private const int LongestLine = 4 * TaskLimits.TextBytes;

    private readonly string _path;
    private readonly string[] _lines;
    private readonly bool _isDamaged;

    /// <summary>Decodes a file; empty lines at its end are ignored.</summary>
    internal TaskText(string path, ReadOnlySpan<byte> bytes)
    {
        _path = path;
        InputText text = InputText.Decode(bytes);
        _lines = text.Text.TrimEnd().Split('\n');
        _isDamaged = text.InvalidBytes > 0;
    }

    /// <summary>Number of lines; an empty text has one empty line.</summary>
    internal int Count => _lines.Length;

    /// <summary>Whether the file is empty.</summary>
    internal bool IsEmpty => _lines is [""];

    /// <summary>Whether the text starts like a JSON object.</summary>
    internal bool IsJson => _lines.First(line => !string.IsNullOrWhiteSpace(line) || IsEmpty).TrimStart().StartsWith('{');

    /// <summary>A line.</summary>
    /// <param name="number">Its number, from 1.</param>
    /// <exception cref="TaskDataException">The line is not UTF-8, or too long.</exception>
    internal string this[int number]
    {
        get
        {
            string line = _lines[number - 1];
            if (line.Length > LongestLine)
                throw Error(number, $"the line has {line.Length} characters, but at most {LongestLine} are read.");
            if (_isDamaged && line.Contains('\uFFFD', StringComparison.Ordinal))
                throw Error(number, "the line is not UTF-8 text.");
            return line;
        }
    }

    /// <summary>The error for a line.</summary>
    internal TaskDataException Error(int number, string problem) => new(_path, $"line {number}", problem);
}

using System.Text;

namespace GgufQuant.Evaluation.Tasks;

/// <summary>The lines of a text file of questions, numbered from 1.</summary>
internal sealed class TaskText
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _path;
    private readonly string[] _lines;

    /// <summary>Decodes a file; empty lines at its end do not count.</summary>
    /// <exception cref="TaskDataException">A line is no UTF-8, or too long.</exception>
    internal TaskText(string path, ReadOnlySpan<byte> bytes)
    {
        _path = path;
        if (bytes.StartsWith(Encoding.UTF8.Preamble))
            bytes = bytes[Encoding.UTF8.Preamble.Length..];
        List<string> lines = [];
        foreach (Range range in bytes.Split((byte)'\n'))
            lines.Add(Decode(bytes[range], lines.Count + 1));
        while (lines.Count > 0 && string.IsNullOrWhiteSpace(lines[^1]))
            lines.RemoveAt(lines.Count - 1);
        _lines = [.. lines];
    }

    /// <summary>Number of lines.</summary>
    internal int Count => _lines.Length;

    /// <summary>A line, without its end.</summary>
    /// <param name="number">Its number, from 1.</param>
    internal string this[int number] => _lines[number - 1];

    /// <summary>The error for a line.</summary>
    internal TaskDataException Error(int number, string problem) => new(_path, $"line {number}", problem);

    private string Decode(ReadOnlySpan<byte> bytes, int number)
    {
        // A line of JSON holds a question and all of its choices.
        if (bytes.Length > 4 * TaskLimits.TextBytes)
            throw Error(number, $"the line has {bytes.Length} bytes, but at most {4 * TaskLimits.TextBytes} are read.");
        try
        {
            return s_strict.GetString(bytes.TrimEnd((byte)'\r'));
        }
        catch (DecoderFallbackException)
        {
            throw Error(number, "the line is not UTF-8 text.");
        }
    }
}

using System.Buffers.Binary;
using System.Text;

namespace GgufQuant.Evaluation.Tasks;

/// <summary>llama-perplexity's binary file for multiple choice, as its validation datasets are distributed.</summary>
/// <remarks>
/// Little-endian 32-bit integers: the number of questions, the offset of each, and then for each the question, the choices
/// with one correct answer, and the choices with several, which are not used. Texts are preceded by their length.
/// </remarks>
internal ref struct MultipleChoiceFile
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _path;
    private readonly ReadOnlySpan<byte> _bytes;
    private int _offset;

    private MultipleChoiceFile(string path, ReadOnlySpan<byte> bytes)
    {
        _path = path;
        _bytes = bytes;
    }

    /// <summary>Whether a file looks like this format: its first question follows the table of offsets.</summary>
    internal static bool IsRecognized(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 2 * sizeof(uint))
            return false;
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        return count > 0 && BinaryPrimitives.ReadUInt32LittleEndian(bytes[sizeof(uint)..]) == (count + 1L) * sizeof(uint);
    }

    /// <exception cref="TaskDataException">The file does not have this form.</exception>
    internal static List<TaskQuestion> Read(string path, ReadOnlySpan<byte> bytes) => new MultipleChoiceFile(path, bytes).Read();

    private List<TaskQuestion> Read()
    {
        int count = ReadCount("questions", least: 1, TaskLimits.Questions, bytesEach: sizeof(uint));
        int table = _offset;
        _offset += count * sizeof(uint);
        List<TaskQuestion> questions = new(count);
        for (int i = 0; i < count; i++)
        {
            uint start = BinaryPrimitives.ReadUInt32LittleEndian(_bytes[(table + (i * sizeof(uint)))..]);
            if (start != _offset)
                throw Error(table + (i * sizeof(uint)), $"question {i} is said to be at offset {start}, but it is at {_offset}.");
            questions.Add(ReadQuestion(i));
        }
        if (_offset != _bytes.Length)
            throw Error(_offset, $"{_bytes.Length - _offset} bytes follow the last question.");
        return questions;
    }

    private TaskQuestion ReadQuestion(int index)
    {
        int start = _offset;
        string question = ReadText("question");
        if (question.Length == 0)
            throw Error(start, $"question {index} is empty.");
        start = _offset;
        (string[] choices, int[] labels) = ReadChoices(least: 2);
        if (labels.Count(label => label == 1) != 1)
            throw Error(start, $"question {index} has {labels.Count(label => label == 1)} correct answers; one is expected.");
        if (choices.Any(string.IsNullOrWhiteSpace))
            throw Error(start, $"question {index} has a choice that is empty.");
        ReadChoices(least: 0);
        return new(index, question, choices, Array.IndexOf(labels, 1));
    }

    private (string[] Choices, int[] Labels) ReadChoices(int least)
    {
        int count = ReadCount("choices", least, TaskLimits.Choices, bytesEach: 2 * sizeof(uint));
        string[] choices = new string[count];
        for (int i = 0; i < count; i++)
            choices[i] = ReadText("choice");
        int[] labels = new int[count];
        for (int i = 0; i < count; i++)
            labels[i] = (int)ReadNumber();
        return (choices, labels);
    }

    private string ReadText(string what)
    {
        int start = _offset;
        int length = ReadCount($"bytes of a {what}", least: 0, TaskLimits.TextBytes, bytesEach: 1);
        try
        {
            string text = s_strict.GetString(_bytes.Slice(_offset, length));
            _offset += length;
            return text;
        }
        catch (DecoderFallbackException)
        {
            throw Error(start, $"the {what} is not UTF-8 text.");
        }
    }

    private int ReadCount(string what, int least, int most, int bytesEach)
    {
        int start = _offset;
        uint count = ReadNumber();
        if (count < least || count > most)
            throw Error(start, $"the number of {what} is {count}; {least} to {most} are expected.");
        if (count * (long)bytesEach > _bytes.Length - _offset)
            throw Error(start, $"the file ends before its {count} {what}.");
        return (int)count;
    }

    private uint ReadNumber()
    {
        if (_bytes.Length - _offset < sizeof(uint))
            throw Error(_offset, "the file ends within a question.");
        uint number = BinaryPrimitives.ReadUInt32LittleEndian(_bytes[_offset..]);
        _offset += sizeof(uint);
        return number;
    }

    private readonly TaskDataException Error(int offset, string problem) => new(_path, $"offset {offset}", problem);
}

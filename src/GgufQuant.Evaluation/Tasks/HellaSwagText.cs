using System.Globalization;

namespace GgufQuant.Evaluation.Tasks;

/// <summary>llama-perplexity's text for HellaSwag, six lines per question: the context, the number of the true ending from 0, and four endings.</summary>
internal static class HellaSwagText
{
    private const int Endings = 4;
    private const int LinesPerQuestion = Endings + 2;

    /// <summary>Whether a text looks like this format.</summary>
    internal static bool IsRecognized(TaskText text) => text.Count >= LinesPerQuestion && TryReadAnswer(text[2], out _);

    /// <exception cref="TaskDataException">The text does not have this form.</exception>
    internal static List<TaskQuestion> Read(TaskText text)
    {
        List<TaskQuestion> questions = [];
        for (int line = 1; line <= text.Count; line += LinesPerQuestion)
        {
            if (line + LinesPerQuestion - 1 > text.Count)
                throw text.Error(line, $"the last question has {text.Count - line + 1} of its {LinesPerQuestion} lines: a context, the number of the true ending, and {Endings} endings.");
            if (!TryReadAnswer(text[line + 1], out int answer))
                throw text.Error(line + 1, $"'{Excerpt.Of(text[line + 1])}' is not the number of the true ending, 0 to {Endings - 1}.");
            string[] endings = [.. Enumerable.Range(line + 2, Endings).Select(number => text[number])];
            if (Array.FindIndex(endings, string.IsNullOrWhiteSpace) is int empty and >= 0)
                throw text.Error(line + 2 + empty, "the ending is empty.");
            questions.Add(new(questions.Count, text[line], endings, answer));
        }
        return questions;
    }

    private static bool TryReadAnswer(string line, out int answer) =>
        int.TryParse(line, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out answer) && answer < Endings;
}

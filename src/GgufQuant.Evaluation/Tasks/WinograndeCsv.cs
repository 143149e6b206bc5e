namespace GgufQuant.Evaluation.Tasks;

/// <summary>llama-perplexity's CSV for Winogrande: index, sentence with a blank, first choice, second choice, answer (1 or 2).</summary>
/// <remarks>As in llama-perplexity, quotes are removed only around the sentence, and everything after the fourth comma is the answer.</remarks>
internal static class WinograndeCsv
{
    private const int Separators = 4;

    /// <summary>The blank in a sentence.</summary>
    internal const char Blank = '_';

    /// <summary>Whether a text looks like this format.</summary>
    internal static bool IsRecognized(TaskText text) => TryRead(text[1], 0, out _) is null;

    /// <exception cref="TaskDataException">A line does not have this form.</exception>
    internal static List<TaskQuestion> Read(TaskText text)
    {
        List<TaskQuestion> questions = [];
        for (int line = 1; line <= text.Count; line++)
        {
            if (TryRead(text[line], questions.Count, out TaskQuestion? question) is { } problem)
                throw text.Error(line, problem);
            questions.Add(question!);
        }
        return questions;
    }

    // What is wrong with a line; null if nothing is.
    private static string? TryRead(string line, int index, out TaskQuestion? question)
    {
        question = null;
        Span<int> commas = stackalloc int[Separators];
        int found = 0;
        bool isQuoted = false;
        for (int i = 0; i < line.Length && found < Separators; i++)
        {
            if (line[i] == '"')
                isQuoted = !isQuoted;
            else if (line[i] == ',' && !isQuoted)
                commas[found++] = i;
        }
        if (found < Separators)
            return $"the line has {found} commas outside quotes instead of {Separators}: index, sentence, first choice, second choice, answer.";
        string sentence = line[(commas[0] + 1)..commas[1]];
        if (sentence.Length > 1 && sentence[0] == '"')
            sentence = sentence[1..^1];
        if (!sentence.Contains(Blank, StringComparison.Ordinal))
            return $"the sentence '{Excerpt.Of(sentence)}' has no blank, '{Blank}'.";
        string[] choices = [line[(commas[1] + 1)..commas[2]], line[(commas[2] + 1)..commas[3]]];
        if (choices.Any(string.IsNullOrWhiteSpace))
            return "a choice is empty.";
        string answer = line[(commas[3] + 1)..].Trim();
        if (answer is not ("1" or "2"))
            return $"the answer '{Excerpt.Of(answer)}' is not 1 or 2.";
        question = new(index, sentence, choices, answer[0] - '1');
        return null;
    }
}

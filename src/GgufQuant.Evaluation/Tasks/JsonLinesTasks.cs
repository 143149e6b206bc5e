using System.Text.Json;

namespace GgufQuant.Evaluation.Tasks;

/// <summary>JSON Lines: an object per line with <c>question</c>, <c>choices</c> and <c>answer</c>.</summary>
/// <remarks>The answer is the index of a choice from 0, the text of a choice, or its letter: A for the first.</remarks>
internal static class JsonLinesTasks
{
    /// <exception cref="TaskDataException">A line does not have this form.</exception>
    internal static List<TaskQuestion> Read(TaskText text, TaskKind kind)
    {
        List<TaskQuestion> questions = [];
        for (int line = 1; line <= text.Count; line++)
        {
            if (!string.IsNullOrWhiteSpace(text[line]))
                questions.Add(Read(text, line, questions.Count, kind));
        }
        return questions;
    }

    private static TaskQuestion Read(TaskText text, int line, int index, TaskKind kind)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text[line]);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw text.Error(line, "the line is not a JSON object.");
            string question = Property(text, line, root, "question", JsonValueKind.String).GetString()!;
            JsonElement list = Property(text, line, root, "choices", JsonValueKind.Array);
            if (list.GetArrayLength() is < 2 or > TaskLimits.Choices)
                throw text.Error(line, $"'choices' has {list.GetArrayLength()} elements; 2 to {TaskLimits.Choices} are expected.");
            if (list.EnumerateArray().Any(choice => choice.ValueKind != JsonValueKind.String || string.IsNullOrWhiteSpace(choice.GetString())))
                throw text.Error(line, "'choices' has an element that is not a text, or is empty.");
            string[] choices = [.. list.EnumerateArray().Select(choice => choice.GetString()!)];
            if (kind == TaskKind.Winogrande && (choices.Length != 2 || !question.Contains(WinograndeCsv.Blank, StringComparison.Ordinal)))
                throw text.Error(line, $"a question of Winogrande has a blank, '{WinograndeCsv.Blank}', and two choices.");
            if (!root.TryGetProperty("answer", out JsonElement answer) || AnswerOf(answer, choices) is not int correct)
                throw text.Error(line, "'answer' is not the index of a choice from 0, nor the text of a choice, nor its letter.");
            return new(index, question, choices, correct);
        }
        catch (JsonException exception)
        {
            throw text.Error(line, $"the line is not valid JSON: {exception.Message}");
        }
    }

    private static JsonElement Property(TaskText text, int line, JsonElement root, string name, JsonValueKind kind) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == kind
            ? value
            : throw text.Error(line, $"there is no '{name}', or it is not {(kind == JsonValueKind.String ? "a text" : "a list")}.");

    private static int? AnswerOf(JsonElement answer, string[] choices)
    {
        if (answer.ValueKind == JsonValueKind.Number)
            return answer.TryGetInt32(out int number) && (uint)number < (uint)choices.Length ? number : null;
        if (answer.ValueKind != JsonValueKind.String)
            return null;
        string value = answer.GetString()!;
        int index = Array.IndexOf(choices, value);
        if (index < 0 && value.Length == 1)
            index = char.ToUpperInvariant(value[0]) - 'A';
        return (uint)index < (uint)choices.Length ? index : null;
    }
}

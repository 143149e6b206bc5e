using GgufQuant.IO;

namespace GgufQuant.Evaluation.Tasks;

/// <summary>The questions of a known task, from a file in one of llama-perplexity's formats or in JSON Lines.</summary>
public sealed class TaskData
{
    private TaskData(string path, TaskKind kind, IReadOnlyList<TaskQuestion> questions, int? count, int seed)
    {
        Path = path;
        Kind = kind;
        Questions = questions;
        Count = count;
        Seed = seed;
    }

    /// <summary>The default seed, llama-perplexity's.</summary>
    public static int DefaultSeed => 1;

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>How the choices are scored.</summary>
    public TaskKind Kind { get; }

    /// <summary>The questions to ask, in the order of the file.</summary>
    public IReadOnlyList<TaskQuestion> Questions { get; }

    /// <summary>The share of questions that guessing answers correctly on average, 0 to 1.</summary>
    public double ChanceAccuracy => Questions.Average(question => 1.0 / question.Choices.Count);

    /// <summary>The number of questions to draw; null for all.</summary>
    internal int? Count { get; }

    /// <summary>The seed for drawing them.</summary>
    internal int Seed { get; }

    /// <summary>Reads a file; the format is recognized from its content.</summary>
    /// <param name="path">The file.</param>
    /// <param name="kind">The task; null to infer it from the format, with multiple choice for JSON Lines.</param>
    /// <param name="count">The number of questions to draw; null for all.</param>
    /// <param name="seed">The seed for drawing them.</param>
    /// <exception cref="TaskDataException">The file is damaged, or of no known format.</exception>
    /// <exception cref="IOException">The file has more than 256 MiB, or cannot be read.</exception>
    public static TaskData Open(string path, TaskKind? kind = null, int? count = null, int seed = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count ?? 1, 1, nameof(count));
        ArgumentOutOfRangeException.ThrowIfNegative(seed);
        byte[] bytes = RegularFile.ReadAllBytes(path, TaskLimits.FileBytes);
        (TaskKind known, List<TaskQuestion> questions) = Read(path, bytes, kind);
        if (questions.Count == 0)
            throw new TaskDataException(path, null, "the file has no questions.");
        if (questions.Count > TaskLimits.Questions)
            throw new TaskDataException(path, null, $"the file has {questions.Count} questions, but at most {TaskLimits.Questions} are read.");
        return new(path, known, TaskSelection.Draw(questions, known, count ?? questions.Count, seed), count, seed);
    }

    private static (TaskKind Kind, List<TaskQuestion> Questions) Read(string path, byte[] bytes, TaskKind? kind)
    {
        if (kind is null && MultipleChoiceFile.IsRecognized(bytes))
            return (TaskKind.MultipleChoice, MultipleChoiceFile.Read(path, bytes));
        TaskText text = new(path, bytes);
        if (text.IsEmpty)
            return (kind ?? TaskKind.HellaSwag, []);
        if (text.IsJson)
        {
            TaskKind chosen = kind ?? TaskKind.MultipleChoice;
            return (chosen, JsonLinesTasks.Read(text, chosen));
        }
        if (kind == TaskKind.MultipleChoice)
            return (TaskKind.MultipleChoice, MultipleChoiceFile.Read(path, bytes));
        if (kind == TaskKind.Winogrande || (kind is null && WinograndeCsv.IsRecognized(text)))
            return (TaskKind.Winogrande, WinograndeCsv.Read(text));
        if (kind == TaskKind.HellaSwag || HellaSwagText.IsRecognized(text))
            return (TaskKind.HellaSwag, HellaSwagText.Read(text));
        throw new TaskDataException(
            path, "line 1", "this is neither HellaSwag text (six lines per question), nor Winogrande CSV, nor a multiple-choice file, nor JSON Lines. Name the task to see what is wrong with the file.");
    }
}

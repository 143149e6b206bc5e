using GgufQuant.Evaluation.Tasks;
using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>A model's answer to one question of a known task.</summary>
public sealed class TaskAnswer
{
    internal TaskAnswer(ModelInfo model, TaskResult result, int number, TaskResult? reference)
    {
        TaskQuestion question = result.Data.Questions[number];
        Path = model.Path;
        FileType = model.Type;
        Index = question.Index;
        Question = question.Text;
        Choice = new(question.Choices, "; ");
        CorrectAnswer = question.Answer;
        Answer = result.Answers[number];
        ReferenceAnswer = reference?.Answers[number];
        Score = new(result.Scores[number]);
    }

    /// <summary>The full path of the model.</summary>
    public string Path { get; }

    /// <summary>The file type's name: <c>Q4_K_M</c>; null if the file does not say.</summary>
    public string? Type => FileType?.ToString();

    /// <summary>The file type; null if it is unknown.</summary>
    public FileType? FileType { get; }

    /// <summary>The question's position in the file, from 0.</summary>
    public int Index { get; }

    /// <summary>The question.</summary>
    public string Question { get; }

    /// <summary>The choices.</summary>
    public ValueList<string> Choice { get; }

    /// <summary>The index of the correct choice, from 0.</summary>
    public int CorrectAnswer { get; }

    /// <summary>The index of the model's choice.</summary>
    public int Answer { get; }

    /// <summary>The index of the reference's choice; null without a reference.</summary>
    public int? ReferenceAnswer { get; }

    /// <summary>Whether the model is right.</summary>
    public bool IsCorrect => Answer == CorrectAnswer;

    /// <summary>Each choice's score: the mean logarithm of the probability of its scored tokens, in nats.</summary>
    public ValueList<double> Score { get; }

    /// <summary>The model's choice.</summary>
    public override string ToString() => Choice[Answer];
}

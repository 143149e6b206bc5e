using GgufQuant.Evaluation.Tasks;
using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>How many questions of a known task a model answers correctly, compared with a reference.</summary>
public sealed class TaskMeasurement
{
    private readonly TaskResult _result;
    private readonly TaskComparison? _comparison;

    internal TaskMeasurement(ModelInfo model, string engine, TaskResult result, string? referencePath, TaskResult? reference)
    {
        Path = model.Path;
        FileType = model.Type;
        Engine = engine;
        Reference = referencePath;
        _result = result;
        _comparison = reference is null || reference == result ? null : TaskComparison.Of(reference, result);
    }

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>The file type's name: <c>Q4_K_M</c>; null if the file does not say.</summary>
    public string? Type => FileType?.ToString();

    /// <summary>The file type; null if it is unknown.</summary>
    public FileType? FileType { get; }

    /// <summary>How the choices were scored: <c>HellaSwag</c>, <c>Winogrande</c> or <c>MultipleChoice</c>.</summary>
    public string Task => $"{_result.Data.Kind}";

    /// <summary>The full path of the file of questions.</summary>
    public string DataPath => _result.Data.Path;

    /// <summary>Number of questions asked.</summary>
    public int Count => _result.Answers.Count;

    /// <summary>Number of correct answers.</summary>
    public int Correct => _result.Correct;

    /// <summary>Share of correct answers, 0 to 1.</summary>
    public double Accuracy => _result.Accuracy;

    /// <summary>The lower end of the accuracy's 95% confidence interval, after Wilson.</summary>
    public double AccuracyLow => _result.AccuracyLow;

    /// <summary>The upper end of that interval.</summary>
    public double AccuracyHigh => _result.AccuracyHigh;

    /// <summary>The share that guessing answers correctly on average.</summary>
    public double ChanceAccuracy => _result.Data.ChanceAccuracy;

    /// <summary>The full path of the model it was compared with; null for one that could not be run.</summary>
    public string? Reference { get; }

    /// <summary>Whether this is the reference itself.</summary>
    public bool IsReference => Path == Reference;

    /// <summary>Share of questions with the reference's answer, 0 to 1; null for the reference.</summary>
    public double? SameAnswer => _comparison?.SameAnswer;

    /// <summary>Questions that only the reference answers correctly; null for the reference.</summary>
    public int? Lost => _comparison?.Lost;

    /// <summary>Questions that only this model answers correctly; null for the reference.</summary>
    public int? Gained => _comparison?.Gained;

    /// <summary>The exact McNemar test of both being as good, two-sided; null for the reference.</summary>
    public double? PValue => _comparison?.PValue;

    /// <summary>The engine that ran the model.</summary>
    public string Engine { get; }

    /// <summary>The file's path, so that the object can be passed as a path.</summary>
    public override string ToString() => Path;
}

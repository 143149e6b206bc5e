using System.Management.Automation;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Tasks;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Measures how many questions of a known task models answer correctly.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "GgufTask", DefaultParameterSetName = PathSet)]
[OutputType(typeof(TaskMeasurement), typeof(TaskAnswer))]
public sealed class MeasureGgufTaskCommand : EngineCommand
{
    // The answers of each reference; null for one that cannot be run.
    private readonly Dictionary<string, TaskResult?> _references = new(PathIdentity.Comparer);
    private ReferencePairs? _pairs;
    private RemoteTaskMeter? _meter;
    private TaskData? _data;

    /// <summary>The file of questions.</summary>
    [Parameter(Mandatory = true, Position = 1, HelpMessage = "A file of questions: HellaSwag text, Winogrande CSV, llama.cpp's multiple-choice file, or JSON Lines.")]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string DataPath { get; set; } = "";

    /// <summary>How the choices are scored.</summary>
    [Parameter(HelpMessage = "How the choices are scored; default: as the file's format tells.")]
    public TaskKind? Task { get; set; }

    /// <summary>How many questions to ask.</summary>
    [Parameter(HelpMessage = "How many questions to ask, drawn as llama-perplexity draws them; default: all.")]
    [ValidateRange(1, int.MaxValue)]
    public int? Count { get; set; }

    /// <summary>The seed to draw questions with.</summary>
    [Parameter(HelpMessage = "The seed to draw questions with; default: 1, as in llama-perplexity.")]
    [ValidateRange(0, int.MaxValue)]
    public int Seed { get; set; } = TaskData.DefaultSeed;

    /// <summary>The model to compare with; from the pipeline, the source of a converted file.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true,
        HelpMessage = "The model to compare with; default: the source of converted files, otherwise the most precise file.")]
    [Alias("Source")]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string? Reference { get; set; }

    /// <summary>Lists every question.</summary>
    [Parameter(HelpMessage = "List every question with the score of each choice instead of one row per file.")]
    public SwitchParameter Detailed { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        this.ThrowIfMissing(nameof(Count), nameof(Seed));
        _pairs = new(this, Reference is not null, Measure, allowsOne: true);
        DataPath = this.ResolveUnexpanded(DataPath);
        _data = ReadOrThrowTerminating(DataPath, path => TaskData.Open(path, Task, Count, Seed));
        OpenEngine();
        Session!.Engine.StartInBackground();
    }

    /// <inheritdoc/>
    private protected override string Variant => Reference ?? "";

    /// <inheritdoc/>
    protected override void ProcessFile(string path) => _pairs!.Add(path, Reference);

    /// <inheritdoc/>
    protected override void EndProcessing() => _pairs!.CompareWaiting();

    private void Measure(GgufFile reference, GgufFile candidate)
    {
        if (_meter is null)
        {
            Session!.WaitUntilStarted();
            _meter = new(Session.Engine, _data!, ThreadCount);
        }
        if (!_references.TryGetValue(reference.Path, out TaskResult? expected))
            _references.Add(reference.Path, expected = MeasureReference(reference));
        if (candidate.Path != reference.Path)
            Write(candidate, Answer(candidate), expected is null ? null : reference.Path, expected);
    }

    // The other files are still measured without a reference that cannot be run.
    private TaskResult? MeasureReference(GgufFile reference)
    {
        try
        {
            TaskResult result = Answer(reference);
            Write(reference, result, reference.Path, result);
            return result;
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(reference.Path));
            return null;
        }
    }

    private TaskResult Answer(GgufFile model) => RunInBackground(
        $"Asking {Formatting.FileName(model.Path)}", (progress, token) => _meter!.Measure(model.Path, progress, token));

    private void Write(GgufFile model, TaskResult result, string? referencePath, TaskResult? reference)
    {
        ModelInfo info = ModelInfo.Read(model);
        if (!Detailed)
        {
            WriteObject(new TaskMeasurement(info, Session!.Name, result, referencePath, reference));
            return;
        }
        for (int i = 0; i < result.Answers.Count; i++)
            WriteObject(new TaskAnswer(info, result, i, reference));
    }
}

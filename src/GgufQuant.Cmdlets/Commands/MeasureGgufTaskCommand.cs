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
    // What to compare, by the file of questions: objects from the pipeline may name their own.
    private readonly OrderedDictionary<string, ReferencePairs> _pairs = new(StringComparer.Ordinal);
    private readonly PathSpellings _spellings = new();
    private bool _isReferenceGiven;

    /// <summary>The file of questions.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true,
        HelpMessage = "A file of questions: HellaSwag text, Winogrande CSV, llama.cpp's multiple-choice file, or JSON Lines.")]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string DataPath { get; set; } = "";

    /// <summary>How the choices are scored.</summary>
    [Parameter(HelpMessage = "How the choices are scored; default: by the file's format.")]
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
        _isReferenceGiven = Reference is not null;
        if (DataPath.Length > 0)
            PairsOf(DataPath);
        OpenEngine();
        Session!.Engine.StartInBackground();
    }

    /// <inheritdoc/>
    private protected override string Variant => $"{Reference}\n{DataPath}";

    /// <inheritdoc/>
    protected override void ProcessFile(string path) => PairsOf(DataPath).Add(path, Reference);

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (ReferencePairs pairs in _pairs.Values)
            pairs.CompareWaiting();
    }

    private ReferencePairs PairsOf(string dataPath)
    {
        string path = _spellings.Of(this.ResolveUnexpanded(dataPath));
        if (_pairs.TryGetValue(path, out ReferencePairs? pairs))
            return pairs;
        TaskData data = ReadOrThrowTerminating(path, file => TaskData.Open(file, Task, Count, Seed));
        // The answers of each reference; null for one that cannot be run.
        Dictionary<string, TaskResult?> references = new(StringComparer.Ordinal);
        return _pairs[path] = new(
            this, _isReferenceGiven, (reference, candidate) => Measure(data, references, reference, candidate), allowsOne: true);
    }

    private void Measure(TaskData data, Dictionary<string, TaskResult?> references, GgufFile reference, GgufFile candidate)
    {
        Session!.WaitUntilStarted();
        if (!references.TryGetValue(reference.Path, out TaskResult? expected))
            references.Add(reference.Path, expected = MeasureReference(data, reference));
        if (!PathIdentity.AreSame(candidate.Path, reference.Path))
            Write(candidate, Answer(data, candidate), expected is null ? null : reference.Path, expected);
    }

    // The other files are still measured without a reference that cannot be run.
    private TaskResult? MeasureReference(TaskData data, GgufFile reference)
    {
        try
        {
            TaskResult result = Answer(data, reference);
            Write(reference, result, reference.Path, result);
            return result;
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(reference.Path));
            return null;
        }
    }

    private TaskResult Answer(TaskData data, GgufFile model)
    {
        RemoteTaskMeter meter = new(Session!.Engine, data, ThreadCount);
        return RunInBackground(
            $"Asking {Formatting.FileName(model.Path)}", (progress, token) => meter.Measure(model.Path, progress, token));
    }

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

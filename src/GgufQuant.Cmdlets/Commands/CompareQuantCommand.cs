using System.Management.Automation;
using GgufQuant.Comparison;
using GgufQuant.Evaluation.Comparison;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Compares quantized models with a reference: what they save, and what they cost.</summary>
[Cmdlet(VerbsData.Compare, "Quant", DefaultParameterSetName = PathSet)]
[OutputType(typeof(QuantComparison), typeof(QuantQuality), typeof(TensorComparison))]
public sealed class CompareQuantCommand : EngineCommand, IStepRunner
{
    private static readonly ErrorRecord s_noCorpus = new(
        new ArgumentException("-ChunkCount, -SkipChunk, -Part, -PredictionOnly and -LogitsFile say how to evaluate a text. Name the text with -Corpus."),
        "NoCorpus", ErrorCategory.InvalidArgument, null);

    private ReferencePairs? _pairs;
    private ComparisonSession? _session;
    private Evaluation.Tasks.TaskData? _task;

    /// <summary>The model to compare with; from the pipeline, the source of a converted file.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true,
        HelpMessage = "The model to compare with; default: the source of converted files, otherwise the most precise file.")]
    [Alias("Source")]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string? Reference { get; set; }

    /// <summary>Lists every tensor.</summary>
    [Parameter(HelpMessage = "List every tensor instead of one row per file.")]
    public SwitchParameter Detailed { get; set; }

    /// <summary>A text to measure predictions on.</summary>
    [Parameter(HelpMessage = "A text file: perplexity and KL divergence are measured on it with llama.cpp.")]
    [ValidateNotNullOrEmpty]
    public string? Corpus { get; set; }

    /// <summary>Maximum number of chunks to evaluate.</summary>
    [Parameter(HelpMessage = "Maximum number of chunks to evaluate; default: the whole text.")]
    [Alias("Chunks")]
    [ValidateRange(1, int.MaxValue)]
    public int? ChunkCount { get; set; }

    /// <summary>Number of chunks to skip at the start of the text.</summary>
    [Parameter(HelpMessage = "Number of chunks to skip at the start of the text.")]
    [Alias("SkipChunks")]
    [ValidateRange(0, int.MaxValue)]
    public int SkipChunk { get; set; }

    /// <summary>Returns parts to be merged.</summary>
    [Parameter(HelpMessage = "Return parts: Merge-QuantComparison makes of the parts of a text the rows that one run over all of it returns.")]
    public SwitchParameter Part { get; set; }

    /// <summary>Leaves weights unread.</summary>
    [Parameter(HelpMessage = "Measure predictions alone, and leave the weights unread.")]
    public SwitchParameter PredictionOnly { get; set; }

    /// <summary>Texts to continue.</summary>
    [Parameter(HelpMessage = "Texts that each model continues; a row shows the continuation of the first, and its GetGenerations() returns all.")]
    [ValidateNotNullOrEmpty]
    public string[] Prompt { get; set; } = [];

    /// <summary>A file of questions.</summary>
    [Parameter(HelpMessage = "A file of questions of a known task, as for Measure-GgufTask: a row shows how many are answered correctly.")]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string? TaskData { get; set; }

    /// <summary>Measures speed.</summary>
    [Parameter(HelpMessage = "Measure how many tokens of a prompt are evaluated and how many generated per second, as Measure-GgufSpeed does.")]
    public SwitchParameter Speed { get; set; }

    /// <summary>Tokens of context.</summary>
    [Parameter(HelpMessage = "Tokens of context to estimate memory for, and per chunk of -Corpus.")]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    [ValidateRange(4, 1 << 30)]
    public int? ContextLength { get; set; }

    /// <summary>The type of the key-value cache to estimate memory for.</summary>
    [Parameter(HelpMessage = "The type of the key-value cache to estimate memory for.")]
    public CacheType CacheType { get; set; } = CacheType.F16;

    /// <summary>A file for the reference's logits.</summary>
    [Parameter(HelpMessage = "A file for the reference's logits, as in llama-perplexity; it is read if it exists.")]
    [ValidateNotNullOrEmpty]
    public string? LogitsFile { get; set; }

    /// <summary>Weights can be compared with those of a folder, but no engine runs one.</summary>
    private protected override bool TakesFolders => Corpus is null && Prompt.Length == 0 && TaskData is null && !Speed;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _pairs = new(this, Reference is not null, Compare);
        this.ThrowIfBothBound(nameof(Detailed), nameof(Corpus), nameof(Prompt), nameof(TaskData), nameof(Speed));
        if (Corpus is not null)
            Corpus = ResolveCorpus(Corpus);
        else if (ChunkCount is not null || SkipChunk > 0 || Part || PredictionOnly || LogitsFile is not null)
            ThrowTerminatingError(s_noCorpus);
        if (LogitsFile is not null)
            LogitsFile = ResolveLogits(LogitsFile);
        if (TaskData is not null)
            _task = ReadOrThrowTerminating(this.ResolveUnexpanded(TaskData), path => Evaluation.Tasks.TaskData.Open(path));
        if (Corpus is not null || Prompt.Length > 0 || _task is not null || Speed)
            OpenEngine(isRequired: false);
        Session?.Engine.StartInBackground();
    }

    /// <inheritdoc/>
    private protected override string Variant => Reference ?? "";

    /// <inheritdoc/>
    protected override void ProcessFile(string path) => _pairs!.Add(path, Reference);

    /// <inheritdoc/>
    protected override void EndProcessing() => _pairs!.CompareWaiting();

    private void Compare(GgufFile reference, GgufFile candidate)
    {
        _session ??= StartSession();
        if (!Detailed)
        {
            foreach (ComparedModel model in _session.Compare(reference, candidate))
                WriteRow(model);
        }
        else if (!PathIdentity.AreSame(candidate.Path, reference.Path))
        {
            foreach (TensorError tensor in _session.MeasureWeights(reference, candidate).Tensors)
                WriteObject(new TensorComparison(reference.Path, candidate.Path, tensor));
        }
    }

    TResult IStepRunner.Run<TResult>(string activity, Func<IProgress<WorkProgress>, CancellationToken, TResult> step) =>
        RunInBackground(activity, step);

    private string ResolveLogits(string path)
    {
        string full = this.ResolveUnexpanded(path);
        if (System.IO.Path.Exists(full) && PathErrors.NoFile(full) is { } error)
            ThrowTerminatingError(error);
        return full;
    }

    private ComparisonSession StartSession()
    {
        ErrorRecord? error = Session?.TryWaitUntilStarted();
        if (error is not null)
            WriteError(error);
        ComparisonOptions options = new()
        {
            Corpus = Corpus,
            Chunks = ChunkCount,
            SkipChunks = SkipChunk,
            IsPart = Part,
            SkipsWeights = PredictionOnly,
            LogitsFile = LogitsFile,
            Prompts = Prompt,
            Task = _task,
            Speed = Speed ? new() { Threads = ThreadCount } : null,
            ContextLength = ContextLength,
            Memory = new() { ContextLength = ContextLength, KeyType = CacheType, ValueType = CacheType },
            Threads = ThreadCount,
        };
        return new(error is null ? Session?.Engine : null, options, this, (path, exception) => WriteError(exception.ToErrorRecord(path)));
    }

    private void WriteRow(ComparedModel model)
    {
        QuantComparison row = model.Perplexity is { } perplexity
            ? new QuantQuality(model.Reference, model.Model, model.Weights, Session!.Name, Corpus!, perplexity, model.Predictions, model.Part)
            : new QuantComparison(model.Reference, model.Model, model.Weights);
        row.Generations = model.Generations;
        if (model.Task is not null)
            row.AddTask(model.Task, model.TaskComparison);
        if (model.Speed is not null)
            row.AddSpeed(model.Speed);
        WriteObject(row.ToPSObject());
    }
}

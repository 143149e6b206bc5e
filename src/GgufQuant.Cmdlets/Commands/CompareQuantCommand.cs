using System.Management.Automation;
using GgufQuant.Comparison;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Shows what quantizations save and what they cost against a reference.</summary>
[Cmdlet(VerbsData.Compare, "Quant", DefaultParameterSetName = PathSet)]
[OutputType(typeof(QuantComparison), typeof(QuantQuality), typeof(TensorComparison))]
public sealed class CompareQuantCommand : ReferenceCommand
{
    // What the type name of a row with texts ends in, for the format file.
    private const string PromptedSuffix = "#Prompted";

    private static readonly ErrorRecord s_noCorpus = new(
        new ArgumentException("-Chunks and -LogitsFile say how to evaluate a text. Name the text with -Corpus."),
        "NoCorpus", ErrorCategory.InvalidArgument, null);

    private readonly HashSet<string> _shownReferences = new(StringComparer.Ordinal);
    private EngineSession? _engine;
    private RemoteQualityMeter? _quality;
    private RemoteGenerationMeter? _generation;
    private Exception? _referenceError;
    private string? _meteredReference;
    private Evaluation? _evaluation;

    /// <summary>Lists every tensor.</summary>
    [Parameter(HelpMessage = "List every tensor instead of one row a file.")]
    public SwitchParameter Detailed { get; set; }

    /// <summary>A text to measure predictions on.</summary>
    [Parameter(HelpMessage = "A text file: perplexity and KL divergence are measured on it with llama.cpp.")]
    [ValidateNotNullOrEmpty]
    public string? Corpus { get; set; }

    /// <summary>Chunks of the text to evaluate at most.</summary>
    [Parameter(HelpMessage = "Chunks of the text to evaluate at most; default: the whole text.")]
    [ValidateRange(1, int.MaxValue)]
    public int? Chunks { get; set; }

    /// <summary>Texts to be continued.</summary>
    [Parameter(HelpMessage = "Texts that each model continues; the continuation of the first is shown, all are in the Generations property.")]
    [ValidateNotNullOrEmpty]
    public string[] Prompt { get; set; } = [];

    /// <summary>Tokens of context.</summary>
    [Parameter(HelpMessage = "Tokens of context to estimate memory for, and of each chunk of -Corpus.")]
    [ValidateRange(4, 1 << 30)]
    public int? ContextLength { get; set; }

    /// <summary>The type of the key-value cache to estimate memory for.</summary>
    [Parameter(HelpMessage = "The type of the key-value cache to estimate memory for.")]
    public CacheType CacheType { get; set; } = CacheType.F16;

    /// <summary>A file for the reference's logits.</summary>
    [Parameter(HelpMessage = "A file to keep the reference's logits in, as llama-perplexity does; it is read if it exists.")]
    [ValidateNotNullOrEmpty]
    public string? LogitsFile { get; set; }

    /// <summary>Processor threads to use.</summary>
    [Parameter(HelpMessage = "Threads; default: all cores.")]
    [ValidateRange(1, 1024)]
    public int Threads { get; set; }

    /// <summary>What runs the models; null for the newest engine that is available.</summary>
    [Parameter(HelpMessage = "The engine that runs the models, as Get-QuantEngine names it; default: the newest that is available.")]
    [ArgumentCompleter(typeof(EngineCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Engine { get; set; }

    /// <summary>Seconds of silence after which the engine is given up.</summary>
    [Parameter(HelpMessage = "Seconds without a sign of life after which the engine is given up; default: 60.")]
    [ValidateRange(1, 86400)]
    public int EngineTimeoutSeconds { get; set; } = (int)RemoteEngine.DefaultSilence.TotalSeconds;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        this.RefuseTogether(nameof(Detailed), nameof(Corpus), nameof(Prompt));
        if (Corpus is not null)
            CorpusFile.Check(this, Corpus = ResolveUnexpanded(Corpus));
        else if (Chunks is not null || LogitsFile is not null)
            ThrowTerminatingError(s_noCorpus);
        if (Corpus is not null || Prompt.Length > 0)
            _engine = EngineSession.TryOpen(this, Engine, EngineTimeoutSeconds);
        _engine?.Engine.StartInBackground();
    }

    /// <inheritdoc/>
    protected override void Compare(GgufFile reference, GgufFile candidate)
    {
        bool isReference = candidate.Path == reference.Path;
        if (Detailed)
        {
            if (!isReference)
                WriteTensors(reference, candidate);
            return;
        }
        StartMeters(reference.Path);
        ModelInfo referenceInfo = ModelInfo.Read(reference, ContextLength, CacheType);
        if (_shownReferences.Add(reference.Path))
            WriteRow(DescribeReference(referenceInfo));
        if (!isReference)
            WriteRow(Describe(referenceInfo, candidate, Measure(reference, candidate)));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _engine?.Dispose();
        base.Dispose(disposing);
    }

    private void StartMeters(string reference)
    {
        if (_engine is null || reference == _meteredReference)
            return;
        if (_engine.TryWaitUntilStarted() is { } error)
        {
            WriteError(error);
            _engine.Dispose();
            _engine = null;
            return;
        }
        _meteredReference = reference;
        _referenceError = null;
        RemoteEngine engine = _engine.Engine;
        _evaluation = new(_engine.Name, Corpus);
        _quality = Corpus is null ? null : new(engine, reference, Corpus, new()
        {
            ContextLength = ContextLength,
            Chunks = Chunks,
            Threads = Threads,
            LogitsFile = LogitsFile is null ? null : ResolveUnexpanded(LogitsFile),
        });
        _generation = Prompt.Length == 0 ? null : new(engine, reference, Prompt, new() { Threads = Threads });
    }

    // The view of a row is chosen when it is written: one that shows the texts, where there are any.
    private void WriteRow(QuantComparison row)
    {
        PSObject written = new(row);
        if (row.Generations.Count > 0)
            written.TypeNames.Insert(0, row.GetType().FullName + PromptedSuffix);
        WriteObject(written);
    }

    private QuantComparison DescribeReference(ModelInfo reference)
    {
        string name = Formatting.FileName(reference.Path);
        PerplexityResult? perplexity = _quality is null ? null : TryMeasureReference(
            reference.Path, $"Evaluating {name}",
            (progress, token) => _quality.MeasureReference(progress, token));
        if (perplexity is null)
            _quality = null;
        IReadOnlyList<GenerationComparison>? texts = _generation is null ? null : TryMeasureReference(
            reference.Path, $"Generating with {name}",
            (progress, token) => _generation.MeasureReference(progress, token));
        if (texts is null)
            _generation = null;
        QuantComparison row = perplexity is null
            ? new QuantComparison(reference, reference, error: null)
            : new QuantQuality(reference, reference, error: null, _evaluation!, perplexity.Perplexity, predictions: null);
        row.Generations = texts ?? [];
        return row;
    }

    // Where the reference cannot be run, one error says so for all files, whose sizes and weights are compared still.
    private TResult? TryMeasureReference<TResult>(
        string path, string activity, Func<IProgress<WorkProgress>, CancellationToken, TResult> measure)
        where TResult : class
    {
        // What ended the engine once would end it again.
        if (_referenceError is EngineStoppedException)
            return null;
        try
        {
            return RunInBackground(activity, measure);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            // What keeps a model from being evaluated mostly keeps it from writing as well.
            if (exception.Message != _referenceError?.Message)
                WriteError(exception.ToErrorRecord(path));
            _referenceError = exception;
            return null;
        }
    }

    private QuantComparison Describe(ModelInfo reference, GgufFile candidate, ModelError error)
    {
        ModelInfo info = ModelInfo.Read(candidate, ContextLength, CacheType);
        QuantComparison row;
        if (_quality is null)
        {
            row = new(reference, info, error);
        }
        else
        {
            KlDivergenceResult result = RunInBackground(
                $"Evaluating {Formatting.FileName(candidate.Path)}",
                (progress, token) => _quality.Measure(candidate.Path, progress, token));
            row = new QuantQuality(reference, info, error, _evaluation!, result.Perplexity, result);
        }
        if (_generation is not null)
        {
            row.Generations = RunInBackground(
                $"Generating with {Formatting.FileName(candidate.Path)}",
                (progress, token) => _generation.Measure(candidate.Path, progress, token));
        }
        return row;
    }

    private ModelError Measure(GgufFile reference, GgufFile candidate) => RunInBackground(
        $"Comparing {Formatting.FileName(candidate.Path)} with {Formatting.FileName(reference.Path)}",
        (progress, token) => ModelComparison.Measure(reference, candidate, Threads, progress, token));

    private void WriteTensors(GgufFile reference, GgufFile candidate)
    {
        foreach (TensorError tensor in Measure(reference, candidate).Tensors)
            WriteObject(new TensorComparison(reference.Path, candidate.Path, tensor));
    }
}

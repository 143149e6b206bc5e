using System.Management.Automation;
using GgufQuant.Comparison;
using GgufQuant.Evaluation.Comparison;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Compares quantized models with a reference: what they save, and what they cost.</summary>
[Cmdlet(VerbsData.Compare, "Quant", DefaultParameterSetName = PathSet)]
[OutputType(typeof(QuantComparison), typeof(QuantQuality), typeof(TensorComparison))]
public sealed class CompareQuantCommand : ReferenceCommand, IStepRunner
{
    // The suffix of the type name of a row with texts, for the format file.
    private const string PromptedSuffix = "#Prompted";

    private static readonly ErrorRecord s_noCorpus = new(
        new ArgumentException("-ChunkCount and -LogitsFile say how to evaluate a text. Name the text with -Corpus."),
        "NoCorpus", ErrorCategory.InvalidArgument, null);

    private EngineSession? _engine;
    private ComparisonSession? _session;

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

    /// <summary>Texts to continue.</summary>
    [Parameter(HelpMessage = "Texts that each model continues; the continuation of the first is shown, GetGenerations() of a row returns all.")]
    [ValidateNotNullOrEmpty]
    public string[] Prompt { get; set; } = [];

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

    /// <summary>Processor threads to use.</summary>
    [Parameter(HelpMessage = "Threads; default: all cores.")]
    [Alias("Threads")]
    [ValidateRange(1, 1024)]
    public int ThreadCount { get; set; }

    /// <summary>The engine that runs the models; null for the newest available.</summary>
    [Parameter(HelpMessage = "The engine that runs the models, by its name in Get-QuantEngine; default: the newest available.")]
    [ArgumentCompleter(typeof(EngineCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Engine { get; set; }

    /// <summary>Seconds of silence after which the engine is killed.</summary>
    [Parameter(HelpMessage = "Seconds without a sign of life after which the engine is killed; default: 60.")]
    [ValidateRange(1, 86400)]
    public int EngineTimeoutSeconds { get; set; } = (int)RemoteEngine.DefaultSilence.TotalSeconds;

    /// <summary>Weights can be compared with those of a folder, but no engine runs one.</summary>
    private protected override bool TakesFolders => Corpus is null && Prompt.Length == 0;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        this.ThrowIfBothBound(nameof(Detailed), nameof(Corpus), nameof(Prompt));
        if (Corpus is not null)
            CorpusFile.Check(this, Corpus = ResolveUnexpanded(Corpus));
        else if (ChunkCount is not null || LogitsFile is not null)
            ThrowTerminatingError(s_noCorpus);
        if (Corpus is not null || Prompt.Length > 0)
            _engine = EngineSession.TryOpen(this, Engine, EngineTimeoutSeconds);
        _engine?.Engine.StartInBackground();
    }

    /// <inheritdoc/>
    protected override void Compare(GgufFile reference, GgufFile candidate)
    {
        _session ??= StartSession();
        if (!Detailed)
        {
            foreach (ComparedModel model in _session.Compare(reference, candidate))
                WriteRow(model);
        }
        else if (candidate.Path != reference.Path)
        {
            foreach (TensorError tensor in _session.MeasureWeights(reference, candidate).Tensors)
                WriteObject(new TensorComparison(reference.Path, candidate.Path, tensor));
        }
    }

    TResult IStepRunner.Run<TResult>(string activity, Func<IProgress<WorkProgress>, CancellationToken, TResult> step) =>
        RunInBackground(activity, step);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _engine?.Dispose();
        base.Dispose(disposing);
    }

    private ComparisonSession StartSession()
    {
        if (_engine?.TryWaitUntilStarted() is { } error)
        {
            WriteError(error);
            _engine.Dispose();
            _engine = null;
        }
        ComparisonOptions options = new()
        {
            Corpus = Corpus,
            Chunks = ChunkCount,
            LogitsFile = LogitsFile is null ? null : ResolveUnexpanded(LogitsFile),
            Prompts = Prompt,
            ContextLength = ContextLength,
            CacheType = CacheType,
            Threads = ThreadCount,
        };
        return new(_engine?.Engine, options, this, (path, exception) => WriteError(exception.ToErrorRecord(path)));
    }

    // A row's view is chosen when it is written: one that shows the texts, if there are any.
    private void WriteRow(ComparedModel model)
    {
        QuantComparison row = model.Perplexity is { } perplexity
            ? new QuantQuality(model.Reference, model.Model, model.Weights, _engine!.Name, Corpus!, perplexity, model.Predictions)
            : new QuantComparison(model.Reference, model.Model, model.Weights);
        row.Generations = model.Generations;
        PSObject written = new(row);
        if (row.Generations.Count > 0)
            written.TypeNames.Insert(0, row.GetType().FullName + PromptedSuffix);
        WriteObject(written);
    }
}

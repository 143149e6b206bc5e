using System.Management.Automation;
using GgufQuant.Catalog;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;

namespace GgufQuant.Commands;

/// <summary>A cmdlet that runs each model over a text, and writes what it collects about the inputs of its weights to a file.</summary>
public abstract class CollectionCommand : ModelCommand
{
    private EngineSession? _engine;
    private Destinations _destinations = new();

    /// <summary>The text to run the model over.</summary>
    [Parameter(Mandatory = true, Position = 1, HelpMessage = "A text file that resembles what the model is used for.")]
    [ValidateNotNullOrEmpty]
    public string Corpus { get; set; } = "";

    /// <summary>Tokens per chunk.</summary>
    [Parameter(HelpMessage = "Tokens per chunk; default: 512, or the model's training context if that is shorter.")]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    [ValidateRange(4, 1 << 30)]
    public int? ContextLength { get; set; }

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

    /// <summary>Parses special tokens in the text.</summary>
    [Parameter(HelpMessage = "Parse special tokens that are written out in the text.")]
    public SwitchParameter ParseSpecial { get; set; }

    /// <summary>Overwrites an existing file.</summary>
    [Parameter(HelpMessage = "Overwrite an existing file.")]
    public SwitchParameter Force { get; set; }

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

    /// <summary>What is collected, in a noun phrase without article.</summary>
    private protected abstract string Collected { get; }

    /// <summary>What the default name of the file ends with.</summary>
    private protected abstract string Suffix { get; }

    /// <summary>The engine, once a model is processed.</summary>
    private protected RemoteEngine Runner => _engine!.Engine;

    /// <summary>Prepares to write to <paramref name="destination"/>, and starts the engine.</summary>
    private protected void Prepare(string? destination, params string[] extensions)
    {
        _destinations = DestinationsAt(destination, extensions);
        Corpus = ResolveUnexpanded(Corpus);
        CorpusFile.Check(this, Corpus);
        _engine = EngineSession.Open(this, Engine, EngineTimeoutSeconds);
    }

    /// <inheritdoc/>
    protected sealed override void ProcessModel(GgufFile model)
    {
        string destination = _destinations.For(model.Path, QuantName.WithoutQuantization(model.Path) + Suffix);
        if (!ShouldProcess(destination, $"Collect the {Collected} of '{Formatting.FileName(model.Path)}' over '{Formatting.FileName(Corpus)}'"))
            return;
        if (_destinations.FindConflict([.. model.Shards.Select(shard => shard.Path)], Force, destination) is ErrorRecord conflict)
        {
            WriteError(conflict);
            return;
        }
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(destination)!);
        ImatrixWriter.TryDestination(destination, Force);
        _engine!.WaitUntilStarted();
        object file = Collect(model, destination);
        _destinations.Keep(model.Path, destination);
        WriteObject(file);
    }

    /// <summary>Collects, writes, and returns what the cmdlet returns.</summary>
    private protected abstract object Collect(GgufFile model, string destination);

    /// <summary>The options that the parameters ask for.</summary>
    private protected ImatrixOptions OptionsWith(bool includeOutput) => new()
    {
        ContextLength = ContextLength,
        Chunks = ChunkCount,
        SkipChunks = SkipChunk,
        IncludeOutput = includeOutput,
        ParseSpecial = ParseSpecial,
        Threads = ThreadCount,
    };

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _engine?.Dispose();
        base.Dispose(disposing);
    }
}

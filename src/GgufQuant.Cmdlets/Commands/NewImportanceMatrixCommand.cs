using System.Management.Automation;
using GgufQuant.Catalog;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Commands;

/// <summary>Collects an importance matrix: runs a model over a text and sums what its weights are multiplied with.</summary>
[Cmdlet(VerbsCommon.New, "ImportanceMatrix", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(MatrixFile))]
public sealed class NewImportanceMatrixCommand : ModelCommand
{
    private EngineSession? _engine;
    private Destinations _destinations = new();

    /// <summary>The text to run the model over.</summary>
    [Parameter(Mandatory = true, Position = 1, HelpMessage = "A text file that is like what the model is used for.")]
    [ValidateNotNullOrEmpty]
    public string Corpus { get; set; } = "";

    /// <summary>The file or the folder to write to.</summary>
    [Parameter(HelpMessage = "A file or a folder; default: beside the model, as model-imatrix.gguf. A name in .dat gives the older format.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>A matrix to go on with.</summary>
    [Parameter(HelpMessage = "A matrix of the same model to add to, with -SkipChunk for what of the text it has seen.")]
    [ValidateNotNullOrEmpty]
    public string? Resume { get; set; }

    /// <summary>Tokens of a chunk.</summary>
    [Parameter(HelpMessage = "Tokens of a chunk; default: 512, or what the model was trained for if that is less.")]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    [ValidateRange(4, 1 << 30)]
    public int? ContextLength { get; set; }

    /// <summary>Chunks of the text to evaluate at most.</summary>
    [Parameter(HelpMessage = "Chunks of the text to evaluate at most; default: the whole text.")]
    [Alias("Chunks")]
    [ValidateRange(1, int.MaxValue)]
    public int? ChunkCount { get; set; }

    /// <summary>Chunks of the text to leave out at its beginning.</summary>
    [Parameter(HelpMessage = "Chunks to leave out at the beginning of the text.")]
    [Alias("SkipChunks")]
    [ValidateRange(0, int.MaxValue)]
    public int SkipChunk { get; set; }

    /// <summary>Collects for the output tensor too.</summary>
    [Parameter(HelpMessage = "Collect for output.weight too, which llama-imatrix advises against.")]
    public SwitchParameter IncludeOutput { get; set; }

    /// <summary>Reads special tokens in the text as such.</summary>
    [Parameter(HelpMessage = "Read special tokens that the text spells out as such.")]
    public SwitchParameter ParseSpecial { get; set; }

    /// <summary>Replaces a file that exists.</summary>
    [Parameter(HelpMessage = "Replace a file that exists.")]
    public SwitchParameter Force { get; set; }

    /// <summary>Processor threads to use.</summary>
    [Parameter(HelpMessage = "Threads; default: all cores.")]
    [Alias("Threads")]
    [ValidateRange(1, 1024)]
    public int ThreadCount { get; set; }

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
        _destinations = DestinationsAt(Destination, ImatrixWriter.Extensions);
        Corpus = ResolveUnexpanded(Corpus);
        CorpusFile.Check(this, Corpus);
        _engine = EngineSession.Open(this, Engine, EngineTimeoutSeconds);
    }

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        string destination = _destinations.For(model.Path, QuantName.WithoutQuantization(model.Path) + "-imatrix.gguf");
        if (!ShouldProcess(destination, $"Collect the importance matrix of '{Formatting.FileName(model.Path)}' over '{Formatting.FileName(Corpus)}'"))
            return;
        if (_destinations.Refusal([.. model.Shards.Select(shard => shard.Path)], Force, destination) is ErrorRecord refusal)
        {
            WriteError(refusal);
            return;
        }
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(destination)!);
        ImatrixWriter.TryDestination(destination, Force);
        _engine!.WaitUntilStarted();
        (ImatrixData matrix, PerplexityResult perplexity) = RunInBackground(
            $"Collecting the importance matrix of {Formatting.FileName(model.Path)}",
            (progress, token) => Collect(model.Path, progress, token));
        matrix.AddDataset(Corpus);
        ImatrixWriter.Write(matrix, destination, ImatrixWriter.FormatOf(destination), Force);
        _destinations.Keep(model.Path, destination);
        WriteObject(new MatrixFile(destination, matrix, model.Path, perplexity));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _engine?.Dispose();
        base.Dispose(disposing);
    }

    private (ImatrixData Matrix, PerplexityResult Perplexity) Collect(
        string path, IProgress<WorkProgress> progress, CancellationToken token)
    {
        (string, int)? resume = Resume is null ? null : ToResume(ResolveUnexpanded(Resume));
        ImatrixOptions options = new()
        {
            ContextLength = ContextLength,
            Chunks = ChunkCount,
            SkipChunks = SkipChunk,
            IncludeOutput = IncludeOutput,
            ParseSpecial = ParseSpecial,
            Threads = ThreadCount,
        };
        return RemoteImatrixCollector.Collect(
            _engine!.Engine, path, Corpus, options, resume, progress, token);
    }

    // Read here, so that what is wrong with the file is said before the model is run.
    private (string Path, int ChunkSize) ToResume(string path) =>
        (path, ImatrixFile.Open(path).ChunkSize ?? ContextLength ?? ImatrixData.DefaultChunkSize);
}

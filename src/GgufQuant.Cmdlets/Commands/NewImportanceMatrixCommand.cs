using System.Management.Automation;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Commands;

/// <summary>Collects an importance matrix: runs a model over a text and sums the squared inputs of its weights.</summary>
[Cmdlet(VerbsCommon.New, "ImportanceMatrix", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(MatrixFile))]
public sealed class NewImportanceMatrixCommand : EngineCommand
{
    private static readonly ErrorRecord s_partInDat = new(
        new ArgumentException("The older format has no room for what a part contains. Let the name that -Destination gives end in .gguf."),
        "PartInDat", ErrorCategory.InvalidArgument, null);

    private CollectedFiles? _files;

    /// <summary>The text to run the model over.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true,
        HelpMessage = "A text file that resembles what the model is used for.")]
    [ValidateNotNullOrEmpty]
    public string Corpus { get; set; } = "";

    /// <summary>The file or the folder to write to.</summary>
    [Parameter(HelpMessage = "A file or a folder; default: next to the model, as model-imatrix.gguf. A name ending in .dat selects the older format.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>A matrix to resume.</summary>
    [Parameter(HelpMessage = "A matrix of the same model to continue; -SkipChunk skips the text that it has already seen.")]
    [ValidateNotNullOrEmpty]
    public string? Resume { get; set; }

    /// <summary>Also collects data for the output tensor.</summary>
    [Parameter(HelpMessage = "Also collect data for output.weight, which llama-imatrix advises against.")]
    public SwitchParameter IncludeOutput { get; set; }

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

    /// <summary>Writes a part to be merged.</summary>
    [Parameter(HelpMessage = "Write a part: Merge-ImportanceMatrix makes of the parts of a text the file that one run over all of it writes.")]
    public SwitchParameter Part { get; set; }

    /// <summary>Parses special tokens in the text.</summary>
    [Parameter(HelpMessage = "Parse special tokens that are written out in the text.")]
    public SwitchParameter ParseSpecial { get; set; }

    /// <summary>Overwrites an existing file.</summary>
    [Parameter(HelpMessage = "Overwrite an existing file.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        this.ThrowIfBothBound(nameof(Part), nameof(Resume));
        if (Part && Destination is not null && ImatrixWriter.FormatOf(Destination) == ImatrixFormat.Dat)
            ThrowTerminatingError(s_partInDat);
        _files = new(this, "importance matrix", "-imatrix.gguf", DestinationsAt(Destination, ImatrixWriter.Extensions), Force);
        if (Corpus.Length > 0)
            ResolveCorpus(Corpus);
        OpenEngine();
    }

    /// <inheritdoc/>
    private protected override string Variant => Corpus;

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        Corpus = ResolveCorpus(Corpus);
        _files!.Collect(model, Corpus, destination => Collect(model, destination));
    }

    private MatrixFile Collect(GgufFile model, string destination)
    {
        (ImatrixData matrix, PerplexityResult perplexity) = RunInBackground(
            $"Collecting the importance matrix of {Formatting.FileName(model.Path)}",
            (progress, token) => Collect(model, progress, token));
        matrix.AddDataset(Corpus);
        ImatrixWriter.Write(matrix, destination, ImatrixWriter.FormatOf(destination), Force);
        return new(destination, matrix, model.Path, perplexity);
    }

    private (ImatrixData Matrix, PerplexityResult Perplexity) Collect(
        GgufFile model, IProgress<WorkProgress> progress, CancellationToken token)
    {
        (string, int)? resume = Resume is null ? null : ToResume(this.ResolveUnexpanded(Resume));
        ImatrixOptions options = new()
        {
            ContextLength = ContextLength,
            Chunks = ChunkCount,
            SkipChunks = SkipChunk,
            IncludeOutput = IncludeOutput,
            ParseSpecial = ParseSpecial,
            Threads = ThreadCount,
        };
        (ImatrixData matrix, PerplexityResult perplexity) = RemoteImatrixCollector.Collect(
            Session!.Engine, model.Path, Corpus, options, resume, progress, token);
        if (Part)
            matrix.Part = CollectedPart.Of(model, Corpus, options, perplexity, token);
        return (matrix, perplexity);
    }

    // Read here, so that a problem with the file is reported before the model runs.
    private (string Path, int ChunkSize) ToResume(string path) =>
        (path, ImatrixFile.Open(path).ChunkSize ?? ContextLength ?? ImatrixData.DefaultChunkSize);
}

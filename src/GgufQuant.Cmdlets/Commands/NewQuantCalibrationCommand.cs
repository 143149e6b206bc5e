using System.Management.Automation;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Collects the second moments of the inputs of a model's weights over a text.</summary>
[Cmdlet(VerbsCommon.New, "QuantCalibration", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(QuantCalibration))]
public sealed class NewQuantCalibrationCommand : EngineCommand
{
    private CollectedFiles? _files;

    /// <summary>The text to run the model over.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true,
        HelpMessage = "A text file that resembles what the model is used for.")]
    [ValidateNotNullOrEmpty]
    public string Corpus { get; set; } = "";

    /// <summary>The file or the folder to write to.</summary>
    [Parameter(HelpMessage = "A file or a folder; default: next to the model, as model-calibration.gguf.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Bytes of memory for moments.</summary>
    [Parameter(HelpMessage = "Memory for moments at most: 4GB, 16GB. Less memory means more passes over the text, or narrower blocks.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1L << 20, long.MaxValue)]
    public long MemoryBudget { get; set; } = CorpusCalibration.DefaultMemoryBudget;

    /// <summary>Columns that a block of moments has at most.</summary>
    [Parameter(HelpMessage = "Columns per block of moments, a multiple of 256; default: the widest that three passes collect.")]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    [ValidateRange(256, 46080)]
    public int? CovarianceWidth { get; set; }

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

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        CorpusCalibration.CheckWidth(this, CovarianceWidth);
        _files = new(this, "calibration", "-calibration.gguf", DestinationsAt(Destination, ".gguf"), Force);
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

    private QuantCalibration Collect(GgufFile model, string destination)
    {
        ImatrixOptions options = new()
        {
            ContextLength = ContextLength,
            Chunks = ChunkCount,
            SkipChunks = SkipChunk,
            IncludeOutput = true,
            ParseSpecial = ParseSpecial,
            Threads = ThreadCount,
        };
        CalibrationCollection collection = new(this, Corpus, options) { MemoryBudget = MemoryBudget, Width = CovarianceWidth };
        return collection.Collect(Session!, model, destination, Force);
    }
}

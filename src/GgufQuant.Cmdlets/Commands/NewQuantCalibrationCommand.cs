using System.Globalization;
using System.Management.Automation;
using GgufQuant.Catalog;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;

namespace GgufQuant.Commands;

/// <summary>Collects the second moments of the inputs of a model's weights over a text.</summary>
[Cmdlet(VerbsCommon.New, "QuantCalibration", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(QuantCalibration))]
public sealed class NewQuantCalibrationCommand : ModelCommand
{
    private const double FewTokensPerColumn = 5;

    private EngineSession? _engine;
    private Destinations _destinations = new();

    /// <summary>The text to run the model over.</summary>
    [Parameter(Mandatory = true, Position = 1, HelpMessage = "A text file that is like what the model is used for.")]
    [ValidateNotNullOrEmpty]
    public string Corpus { get; set; } = "";

    /// <summary>The file or the folder to write to.</summary>
    [Parameter(HelpMessage = "A file or a folder; default: beside the model, as model-calibration.gguf.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Bytes of memory for moments.</summary>
    [Parameter(HelpMessage = "Memory for moments at most: 4GB, 16GB. Less memory means more passes over the text, or narrower blocks.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1L << 20, long.MaxValue)]
    public long MemoryBudget { get; set; } = 4L << 30;

    /// <summary>Columns that a block of moments has at most.</summary>
    [Parameter(HelpMessage = "Columns per block of moments, a multiple of 256; default: the widest that three passes collect.")]
    [ValidateRange(256, 46080)]
    public int? CovarianceWidth { get; set; }

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
        if (CovarianceWidth % 256 > 0)
        {
            ThrowTerminatingError(new(
                new ArgumentException($"-CovarianceWidth must be a multiple of 256, not {CovarianceWidth}."), "InvalidWidth", ErrorCategory.InvalidArgument, CovarianceWidth));
        }
        _destinations = DestinationsAt(Destination, ".gguf");
        Corpus = ResolveUnexpanded(Corpus);
        CorpusFile.Check(this, Corpus);
        _engine = EngineSession.Open(this, Engine, EngineTimeoutSeconds);
    }

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        string name = Formatting.FileName(model.Path);
        string destination = _destinations.For(model.Path, QuantName.WithoutQuantization(model.Path) + "-calibration.gguf");
        if (!ShouldProcess(destination, $"Collect the calibration of '{name}' over '{Formatting.FileName(Corpus)}'"))
            return;
        if (_destinations.FindConflict([.. model.Shards.Select(shard => shard.Path)], Force, destination) is ErrorRecord conflict)
        {
            WriteError(conflict);
            return;
        }
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(destination)!);
        ImatrixWriter.TryDestination(destination, Force);
        _engine!.WaitUntilStarted();
        RemoteMomentCollector collector = new(_engine.Engine, model, Corpus, new()
        {
            ContextLength = ContextLength,
            Chunks = ChunkCount,
            SkipChunks = SkipChunk,
            IncludeOutput = true,
            ParseSpecial = ParseSpecial,
            Threads = ThreadCount,
        });
        DiscoveredInputs discovered = RunInBackground($"Reading {name}", collector.Discover);
        CalibrationPasses passes = CalibrationPasses.Plan(discovered.Inputs, MemoryBudget, CovarianceWidth);
        WriteVerbose(Describe(discovered, passes));
        WarnOfFewTokens(discovered, passes);
        PerplexityResult perplexity = RunInBackground(
            $"Collecting the calibration of {name}",
            (progress, token) => collector.Collect(discovered, passes, destination, Force, progress, token));
        _destinations.Keep(model.Path, destination);
        WriteObject(new QuantCalibration(destination, model.Path, Corpus, discovered, passes, perplexity));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _engine?.Dispose();
        base.Dispose(disposing);
    }

    private static string Describe(DiscoveredInputs discovered, CalibrationPasses passes)
    {
        string blocks = passes.IsWhole ? "whole" : $"in blocks of {passes.Width} columns";
        return $"{passes.Inputs.Count} inputs, {blocks}: {passes.Passes.Count} passes over {discovered.Chunks} chunks of {discovered.ChunkSize} tokens, "
            + $"{Formatting.Size(passes.MemoryBytes)} of memory for moments, a file of {Formatting.Size(passes.FileBytes)}.";
    }

    private void WarnOfFewTokens(DiscoveredInputs discovered, CalibrationPasses passes)
    {
        int width = passes.Inputs.Max(input => input.Width);
        double tokens = (double)discovered.Chunks * discovered.ChunkSize / width;
        if (tokens < FewTokensPerColumn)
        {
            WriteWarning(string.Create(
                CultureInfo.InvariantCulture,
                $"The text has {tokens:0.#} tokens per column of the widest input ({width}); 20 give nearly all of the gain, fewer than {FewTokensPerColumn} little of it. Give more text, or a smaller -CovarianceWidth."));
        }
    }
}

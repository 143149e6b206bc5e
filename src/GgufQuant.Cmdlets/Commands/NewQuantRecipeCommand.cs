using System.Management.Automation;
using GgufQuant.Allocation;
using GgufQuant.Calibration;
using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>Chooses tensor types for files of a size, and writes them as recipes for ConvertTo-Quantized.</summary>
[Cmdlet(VerbsCommon.New, "QuantRecipe", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(QuantRecipe))]
public sealed class NewQuantRecipeCommand : EngineCommand
{
    private Destinations _destinations = new();
    private OpenCalibration? _calibration;
    private CorpusCalibration? _corpus;
    private QuantizationOptions _options = QuantizationOptions.Default;
    private SizeTarget[] _targets = [];

    /// <summary>Bytes that each file may have.</summary>
    [Parameter(Position = 1, HelpMessage = "The maximum size of the file, or several sizes: 4GB, 5GB.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long[] TargetSize { get; set; } = [];

    /// <summary>Bits that each file's weights may take on average.</summary>
    [Parameter(HelpMessage = "The maximum average bits per weight, or several: 4.25, 3.5.")]
    [ValidateRange(0.5, 64)]
    public double[] TargetBitsPerWeight { get; set; } = [];

    /// <summary>Bytes of memory that each file may take to run.</summary>
    [Parameter(HelpMessage = "Bytes of memory that the file may take to run, context and buffers included, or several: 8GB, 12GB.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long[] TargetMemory { get; set; } = [];

    /// <summary>Tokens of context that the memory has room for.</summary>
    [Parameter(HelpMessage = "Tokens of context that -TargetMemory has room for.")]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    [ValidateRange(1, 1 << 30)]
    public int? ContextLength { get; set; }

    /// <summary>The type of the key-value cache in that memory.</summary>
    [Parameter(HelpMessage = "The type of the key-value cache that -TargetMemory has room for.")]
    public CacheType CacheType { get; set; } = CacheType.F16;

    /// <summary>Bytes of a graphics card's memory.</summary>
    [Parameter(HelpMessage = "A graphics card's memory, which takes as many layers as fit; -TargetMemory is then the host's beside it.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long? GpuMemory { get; set; }

    /// <summary>Keeps all experts on the host.</summary>
    [Parameter(HelpMessage = "Keep all experts on the host, as --cpu-moe of llama.cpp's programs does. Needs -GpuMemory.")]
    public SwitchParameter CpuMoe { get; set; }

    /// <summary>The calibration of the model.</summary>
    [Parameter(HelpMessage = "A calibration of the model, from New-QuantCalibration.")]
    [ValidateNotNullOrEmpty]
    public string? Calibration { get; set; }

    /// <summary>The calibration of the model, for files that are rounded as llama.cpp does.</summary>
    [Parameter(HelpMessage = "A calibration that the file will be made with as an importance matrix only, in place of -Calibration.")]
    [ValidateNotNullOrEmpty]
    public string? ImportanceMatrix { get; set; }

    /// <summary>A text to collect the calibration from.</summary>
    [Parameter(HelpMessage = "A text to collect the calibration from, which is kept next to the output and used again.")]
    [ValidateNotNullOrEmpty]
    public string? Corpus { get; set; }

    /// <summary>Maximum number of chunks of the text.</summary>
    [Parameter(HelpMessage = "Maximum number of chunks of -Corpus to evaluate; default: the whole text.")]
    [Alias("Chunks")]
    [ValidateRange(1, int.MaxValue)]
    public int? ChunkCount { get; set; }

    /// <summary>Columns that a block of moments has at most.</summary>
    [Parameter(HelpMessage = "Columns per block of moments that are collected, a multiple of 256; default: the widest that three passes collect.")]
    [ValidateRange(256, 46080)]
    public int? CovarianceWidth { get; set; }

    /// <summary>Maximum bytes of memory to use.</summary>
    [Parameter(HelpMessage = "The maximum memory to use besides the engine's: 512MB, 2GB.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(64L << 20, long.MaxValue)]
    public long MemoryBudget { get; set; } = CorpusCalibration.DefaultMemoryBudget;

    /// <summary>The types that may be chosen.</summary>
    [Parameter(HelpMessage = "The types to choose from, wildcards allowed: 'q?_K', q8_0; default: all.")]
    [TensorFormatsTransformation]
    [ArgumentCompleter(typeof(TensorTypeCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public BlockFormat[] AllowedType { get; set; } = [];

    /// <summary>Measures nothing.</summary>
    [Parameter(HelpMessage = "Choose types without running the model, by how much each kind of tensor matters in the sample model.")]
    public SwitchParameter DefaultCoefficient { get; set; }

    /// <summary>Types for tensors by name; the first match wins.</summary>
    [Parameter(HelpMessage = "Rules 'regex=type' for tensors with a fixed type.")]
    [ArgumentCompleter(typeof(TensorRuleCompleter))]
    [TensorTypeTransformation]
    [ValidateNotNullOrEmpty]
    public TensorTypeRule[] TensorType { get; set; } = [];

    /// <summary>The name of the pre-tokenizer of a Hugging Face folder.</summary>
    [Parameter(HelpMessage = "The name of the pre-tokenizer of a Hugging Face folder, such as llama-bpe, if it is not recognized.")]
    [ArgumentCompleter(typeof(PreTokenizerCompleter))]
    [ValidateNotNullOrEmpty]
    public string? PreTokenizer { get; set; }

    /// <summary>The file or the folder to write to.</summary>
    [Parameter(HelpMessage = "A .psd1 file or a folder; default: next to the model, as model-4GB.psd1.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Overwrites existing files.</summary>
    [Parameter(HelpMessage = "Overwrite existing files.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override bool TakesFolders => true;

    /// <inheritdoc/>
    private protected override string? PreTokenizerOfFolders => PreTokenizer;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        this.ThrowIfBothBound(nameof(Calibration), nameof(ImportanceMatrix), nameof(Corpus));
        this.ThrowIfBothBound(nameof(ImportanceMatrix), nameof(Corpus));
        this.ThrowIfMissing(nameof(Corpus), nameof(ChunkCount), nameof(CovarianceWidth));
        if (Calibration is null && ImportanceMatrix is null && Corpus is null)
        {
            ThrowTerminatingError(new(
                new ArgumentException("Give -Calibration a file from New-QuantCalibration, or -Corpus a text to collect one from."), "CalibrationMissing", ErrorCategory.InvalidArgument, null));
        }
        this.ThrowIfMissing(nameof(TargetMemory), nameof(ContextLength), nameof(CacheType), nameof(GpuMemory));
        this.ThrowIfMissing(nameof(GpuMemory), nameof(CpuMoe));
        _targets = SizeAllocation.TargetsOf(
            TargetSize, TargetBitsPerWeight, TargetMemory, new() { ContextLength = ContextLength, KeyType = CacheType, ValueType = CacheType, GpuMemory = GpuMemory, CpuMoe = CpuMoe });
        if (_targets.Length == 0)
        {
            ThrowTerminatingError(new(
                new ArgumentException("Give -TargetSize one or more sizes, such as 4GB, or -TargetBitsPerWeight or -TargetMemory."), "SizeMissing", ErrorCategory.InvalidArgument, null));
        }
        _destinations = DestinationsAt(Destination, ".psd1");
        if (_destinations.IsFile && _targets.Length > 1)
        {
            ThrowTerminatingError(new(
                new ArgumentException($"'{Destination}' is one file, but {_targets.Length} sizes were requested. Give -Destination a folder."),
                "DestinationIsFile", ErrorCategory.InvalidArgument, Destination));
        }
        if (Calibration is not null)
            _calibration = ReadOrThrowTerminating(this.ResolveUnexpanded(Calibration), path => OpenCalibration.Read(this, path));
        if (ImportanceMatrix is not null)
            _calibration = ReadOrThrowTerminating(this.ResolveUnexpanded(ImportanceMatrix), path => OpenCalibration.ReadMatrix(this, path));
        if (Corpus is not null)
            _corpus = CorpusCalibration.Of(this, FindEngine, ResolveCorpus(Corpus), ChunkCount, CovarianceWidth, MemoryBudget, _targets, AllowedType);
        _options = new() { TensorTypes = TensorType };
    }

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        if (_corpus is null)
            Process(model, _calibration!);
        else
            _corpus.Process(model, _options, _destinations, Force, collected => Process(model, collected), sizes => Preview(model, sizes));
    }

    private void Preview(GgufFile model, SizeTarget[] sizes)
    {
        foreach (SizeTarget target in sizes)
            MayWrite(model, target, PathFor(model, target));
    }

    private void Process(GgufFile model, OpenCalibration calibration)
    {
        SizeAllocation allocation = new(this, calibration, _targets, AllowedType)
        {
            OpenEngine = FindEngine,
            IsEngineNamed = Engine is not null,
            UsesDefaults = DefaultCoefficient,
            Threads = ThreadCount,
            MemoryBudget = MemoryBudget,
        };
        foreach ((SizeTarget target, Func<QuantizationPlan> plan) in allocation.PlansFor(model, () => OptionsWith(calibration.File)))
            Write(plan(), target, calibration.File.Path);
    }

    private QuantizationOptions OptionsWith(CalibrationFile calibration) =>
        ImportanceMatrix is null ? _options with { Calibration = calibration } : _options with { Imatrix = calibration.Imatrix };

    private string PathFor(GgufFile model, SizeTarget target) =>
        _destinations.For(model.Path, $"{QuantName.WithoutQuantization(model.Path)}-{Formatting.SizeInName(target)}.psd1");

    private bool MayWrite(GgufFile model, SizeTarget target, string path) =>
        ShouldProcess(path, $"Write types for {target} of '{Formatting.FileName(model.Path)}'");

    private void Write(QuantizationPlan plan, SizeTarget target, string calibration)
    {
        string path = PathFor(plan.Source, target);
        if (!MayWrite(plan.Source, target, path))
            return;
        if (!_destinations.TryPrepare(this, [.. plan.Source.SourcePaths, calibration], Force, path))
            return;
        string model = System.IO.Path.GetFileName(plan.Source.Path);
        string text = RecipeFile.Write(
            plan,
            $"Types for '{model}' in {target}: {plan.TotalBytes:N0} bytes, {Formatting.Bits(plan.BitsPerWeight)} bits per weight, an expected KL divergence of {Formatting.Measure(plan.Options.Allocation!.Divergence)} nats per token.",
            $"ConvertTo-Quantized '{model}' Q4_K_M -Recipe '{System.IO.Path.GetFileName(path)}' -{(ImportanceMatrix is null ? nameof(Calibration) : nameof(ImportanceMatrix))} '{System.IO.Path.GetFileName(calibration)}' makes the file; every type that counts is here.");
        TextFile.Write(path, text, Force);
        _destinations.Keep(plan.Source.Path, path);
        WriteObject(new QuantRecipe(path, plan, calibration));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _calibration?.Dispose();
        base.Dispose(disposing);
    }
}

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
    private QuantizationOptions _options = QuantizationOptions.Default;
    private SizeAllocation? _allocation;

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

    /// <summary>The calibration of the model.</summary>
    [Parameter(Mandatory = true, HelpMessage = "A calibration of the model, from New-QuantCalibration.")]
    [ValidateNotNullOrEmpty]
    public string Calibration { get; set; } = "";

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

    /// <summary>The file or the folder to write to.</summary>
    [Parameter(HelpMessage = "A .psd1 file or a folder; default: next to the model, as model-4GB.psd1.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Overwrites existing files.</summary>
    [Parameter(HelpMessage = "Overwrite existing files.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        this.ThrowIfMissing(nameof(TargetMemory), nameof(ContextLength), nameof(CacheType));
        MemoryOptions run = new() { ContextLength = ContextLength, KeyType = CacheType, ValueType = CacheType };
        SizeTarget[] targets =
        [
            .. TargetSize.Select(SizeTarget.OfBytes), .. TargetBitsPerWeight.Select(SizeTarget.OfBitsPerWeight),
            .. TargetMemory.Select(memory => SizeTarget.OfMemory(memory, run)),
        ];
        if (targets.Length == 0)
        {
            ThrowTerminatingError(new(
                new ArgumentException("Give -TargetSize one or more sizes, such as 4GB, or -TargetBitsPerWeight or -TargetMemory."), "SizeMissing", ErrorCategory.InvalidArgument, null));
        }
        _destinations = DestinationsAt(Destination, ".psd1");
        if (_destinations.IsFile && targets.Length > 1)
        {
            ThrowTerminatingError(new(
                new ArgumentException($"'{Destination}' is one file, but {targets.Length} sizes were requested. Give -Destination a folder."),
                "DestinationIsFile", ErrorCategory.InvalidArgument, Destination));
        }
        _calibration = new(ReadOrThrowTerminating(this.ResolveUnexpanded(Calibration), path => RunInBackground(
            $"Reading {Formatting.FileName(path)}", (_, token) => CalibrationFile.Open(path, token))));
        _options = new() { TensorTypes = TensorType };
        _allocation = new(this, _calibration, targets, AllowedType.Length == 0 ? null : [.. AllowedType.Select(format => format.Type)])
        {
            OpenEngine = FindEngine,
            IsEngineNamed = Engine is not null,
            UsesDefaults = DefaultCoefficient,
            Threads = ThreadCount,
        };
    }

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        foreach ((SizeTarget target, Func<QuantizationPlan> plan) in _allocation!.PlansFor(model, () => _options with { Calibration = _calibration!.File }))
            Write(plan(), target);
    }

    private void Write(QuantizationPlan plan, SizeTarget target)
    {
        string path = _destinations.For(plan.Source.Path, $"{QuantName.WithoutQuantization(plan.Source.Path)}-{Formatting.SizeInName(target)}.psd1");
        if (!ShouldProcess(path, $"Write types for {target} of '{Formatting.FileName(plan.Source.Path)}'"))
            return;
        if (!_destinations.TryPrepare(this, [.. plan.Source.SourcePaths, _calibration!.File.Path], Force, path))
            return;
        string model = System.IO.Path.GetFileName(plan.Source.Path);
        string text = RecipeFile.Write(
            plan,
            $"Types for '{model}' in {target}: {plan.TotalBytes:N0} bytes, {Formatting.Bits(plan.BitsPerWeight)} bits per weight, an expected KL divergence of {Formatting.Measure(plan.Options.Allocation!.Divergence)} nats per token.",
            $"ConvertTo-Quantized '{model}' Q4_K_M -Recipe '{System.IO.Path.GetFileName(path)}' -Calibration '{System.IO.Path.GetFileName(_calibration.File.Path)}' makes the file; every type that counts is here.");
        TextFile.Write(path, text, Force);
        _destinations.Keep(plan.Source.Path, path);
        WriteObject(new QuantRecipe(path, plan, _calibration.File.Path));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _calibration?.Dispose();
        base.Dispose(disposing);
    }
}

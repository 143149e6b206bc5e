using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.Gpu;
using GgufQuant.IO;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>Quantizes a model to one or several types, byte for byte as llama.cpp does.</summary>
[Cmdlet(VerbsData.ConvertTo, "Quantized", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(QuantizedFile))]
public sealed class ConvertToQuantizedCommand : QuantizationCommand
{
    private GgufFile? _earlier;

    /// <summary>Overwrites existing files.</summary>
    [Parameter(HelpMessage = "Overwrite existing files.")]
    public SwitchParameter Force { get; set; }

    /// <summary>An earlier file with a record of its inputs.</summary>
    [Parameter(HelpMessage = "An earlier file written with -KeepReuseRecord: tensors that would be the same are copied from it.")]
    [ValidateNotNullOrEmpty]
    public string? Reuse { get; set; }

    /// <summary>Writes the record that lets a later run reuse the file.</summary>
    [Parameter(HelpMessage = "Write a record of what each tensor was quantized from next to the file, for a later -Reuse.")]
    public SwitchParameter KeepReuseRecord { get; set; }

    /// <summary>Continues an interrupted run.</summary>
    [Parameter(HelpMessage = "Keep what is finished when interrupted, and continue from there the next time.")]
    public SwitchParameter Resume { get; set; }

    /// <summary>The shards to write.</summary>
    [Parameter(HelpMessage = "Write only these shards, counted from 1: with -KeepSplit, -SplitMaxSize or -SplitMaxTensor.")]
    [ValidateRange(1, ushort.MaxValue)]
    [ValidateNotNullOrEmpty]
    public int[] Shard { get; set; } = [];

    /// <summary>Keeps files that are finished.</summary>
    [Parameter(HelpMessage = "Keep a file or shard that exists with the planned header and length and is not older than its source.")]
    public SwitchParameter SkipExisting { get; set; }

    /// <summary>The device that quantizes.</summary>
    [Parameter(HelpMessage = "Auto, Cpu, Cuda, Cuda:0, OpenCL or OpenCL:0; Get-QuantDevice lists them.")]
    [ArgumentCompleter(typeof(DeviceCompleter))]
    [ValidateDevice]
    public string Device { get; set; } = "Auto";

    /// <summary>Computes the SHA-256 of each file.</summary>
    [Parameter(HelpMessage = "Compute the SHA-256 of each file.")]
    public SwitchParameter Hash { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        this.ThrowIfMissingAll(nameof(Shard), nameof(KeepSplit), nameof(SplitMaxSize), nameof(SplitMaxTensor));
        this.ThrowIfBothBound(nameof(Shard), nameof(Resume), nameof(Reuse), nameof(KeepReuseRecord));
        ThrowIfPlanDiffers();
        this.ThrowIfBothBound(nameof(SkipExisting), nameof(Reuse), nameof(KeepReuseRecord));
        base.BeginProcessing();
        if (Reuse is null)
            return;
        _earlier = ReadOrThrowTerminating(this.ResolveUnexpanded(Reuse), path => GgufFile.Open(path, StopToken));
        if (!Quantizer.HasReuseRecord(_earlier))
            WriteWarning($"'{Formatting.FileName(_earlier.Path)}' has no record of what it was quantized from, so nothing is copied from it: -KeepReuseRecord writes one with each new file.");
    }

    // What a machine measures, the next one measures again.
    private void ThrowIfPlanDiffers()
    {
        string? parameter = Corpus is not null ? nameof(Corpus)
            : TargetSize.Length > 0 ? nameof(TargetSize)
            : TargetBitsPerWeight.Length > 0 ? nameof(TargetBitsPerWeight)
            : TargetMemory.Length > 0 ? nameof(TargetMemory)
            : null;
        if (Shard.Length == 0 || parameter is null)
            return;
        string advice = parameter == nameof(Corpus)
            ? "Collect the calibration once, with New-QuantCalibration, and give it as -Calibration to each run."
            : "Choose the types once, with New-QuantRecipe, and give the recipe as -Recipe with its -Type to each run.";
        ThrowTerminatingError(new(
            new ArgumentException($"-Shard cannot be used with -{parameter}, because every run has to plan the same file. {advice}"),
            "ParametersExclusive", ErrorCategory.InvalidArgument, null));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _earlier?.Dispose();
        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override void ProcessPlan(QuantizationPlan plan, string destination)
    {
        if (ShardSelection.Of(this, plan.Shards, Shard, destination, SkipExisting ? plan.InputPaths : null, Force) is not { } selection)
            return;
        if (selection.Missing.Numbers.Count == 0)
        {
            Write(null, null);
            return;
        }
        QuantizationPlan missing = PlanOf(selection.Missing);
        IReadOnlyList<string> paths = missing.PathsAt(destination);
        string source = Formatting.FileName(plan.Source.Path);
        string work = Copy ? $"Copy '{source}'" : $"Quantize '{source}' to {What(plan)}";
        string action = $"{work} and write {Formatting.Size(missing.TotalBytes)} to '{paths[0]}'.";
        if (!ShouldProcess(action, $"{action} Continue?", "ConvertTo-Quantized"))
            return;
        // What another machine has finished in the meantime has the same bytes.
        bool replaces = Force || SkipExisting;
        if (!Destinations.TryPrepare(this, [.. plan.Source.SourcePaths], replaces, paths))
            return;
        using IQuantizationDevice device = RunInBackground(
            $"Preparing to quantize {source}",
            (progress, token) => DeviceCatalog.Open(
                Device, ThreadCount, warning => Post(() => WriteWarning(warning)), missing, progress, token, reason => Post(() => WriteVerbose(reason))));
        if (plan.Imatrix is { } imatrix)
            WriteVerbose($"'{imatrix.Path}' has entries for {imatrix.Weighed} of the {imatrix.Weighable} tensors that gain from one.");
        Quantizer quantizer = new(new() { Device = device, MemoryBudget = EffectiveMemoryBudget, Reuse = _earlier, KeepReuseRecord = KeepReuseRecord, Resume = Resume });
        bool replacesEarlier = _earlier is not null && paths.Any(path => PathIdentity.AreSame(path, _earlier.Path));
        QuantizationResult result;
        try
        {
            result = RunInBackground(
                Copy ? $"Copying {source}" : $"Quantizing {source} to {What(plan)}",
                (progress, token) => quantizer.Run(missing, destination, replaces, progress, token));
        }
        finally
        {
            if (replacesEarlier)
                ReopenEarlier();
        }
        WriteVerbose(TimesOf(result));
        Destinations.Keep(plan.Source.Path, paths);
        Write(result, device);

        QuantizationPlan PlanOf(ShardLayout shards) => selection.IsAll(shards) ? plan : plan.ForShards(shards.Numbers);

        void Write(QuantizationResult? written, IQuantizationDevice? device)
        {
            WriteObject(new QuantizedFile(PlanOf(selection.Chosen).Describe(destination, TimeSpan.Zero), written, selection.Paths, selection.KeptPaths)
            {
                DeviceShare = (device as GpuDevice)?.Share ?? 1,
                Hash = Hash ? string.Join(' ', selection.Paths.Select(HashOf)) : null,
            });
        }
    }

    // It was closed to be replaced, and further types reuse what is there now.
    private void ReopenEarlier()
    {
        string path = _earlier!.Path;
        _earlier.Dispose();
        _earlier = GgufFile.Open(path, StopToken);
    }

    /// <inheritdoc/>
    private protected override string Activity => "Quantizing";

    /// <inheritdoc/>
    private protected override bool WritesModels => true;

    /// <inheritdoc/>
    private protected override bool ReplacesFiles => Force;

    /// <inheritdoc/>
    private protected override void ProcessUnplanned(GgufFile model, string type, string destination) =>
        ShouldProcess($"Quantize '{Formatting.FileName(model.Path)}' to {type} and write '{destination}'.", "", "ConvertTo-Quantized");

    private static string What(QuantizationPlan plan) =>
        plan.Options.Allocation is null ? $"{plan.Type}" : $"{Formatting.Bits(plan.BitsPerWeight)} bits per weight";

    private static string TimesOf(QuantizationResult result)
    {
        WorkTimes times = result.Times;
        return $"'{result.Path}' took {Formatting.Duration(result.Duration)}; over all threads, {Formatting.Duration(times.Reading)} reading, "
            + $"{Formatting.Duration(times.Quantizing)} quantizing, {Formatting.Duration(times.Writing)} writing.";
    }

    private string HashOf(string path) =>
        RunInBackground($"Hashing {Formatting.FileName(path)}", (progress, token) => FileHash.Compute(path, progress, token));
}

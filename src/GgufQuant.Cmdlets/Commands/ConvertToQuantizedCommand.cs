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
    // More do not fit a line of progress.
    private const int MostNamedTypes = 4;

    // Of the model at hand.
    private readonly List<PlannedConversion> _planned = [];
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
        PrepareKernels();
        this.ThrowIfMissingAll(nameof(Shard), nameof(KeepSplit), nameof(SplitMaxSize), nameof(SplitMaxTensor));
        this.ThrowIfBothBound(nameof(Shard), nameof(Reuse), nameof(KeepReuseRecord));
        ThrowIfPlanDiffers();
        this.ThrowIfBothBound(nameof(SkipExisting), nameof(Reuse), nameof(KeepReuseRecord));
        base.BeginProcessing();
        if (Reuse is null)
            return;
        _earlier = ReadOrThrowTerminating(this.ResolveUnexpanded(Reuse), path => GgufFile.Open(path, StopToken));
        if (!Quantizer.HasReuseRecord(_earlier))
            WriteWarning($"'{Formatting.FileName(_earlier.Path)}' has no record of what it was quantized from, so nothing is copied from it: -KeepReuseRecord writes one with each new file.");
    }

    // While the parameters are read and the model is opened and planned, which keeps one core busy.
    private void PrepareKernels()
    {
        bool mayUseProcessor = Device.Equals("Auto", StringComparison.OrdinalIgnoreCase) || Device.Equals("Cpu", StringComparison.OrdinalIgnoreCase);
        if (mayUseProcessor && Calibration is null && Corpus is null)
            _ = Quantizer.Prepare(Array.ConvertAll(Type, type => type.Type), ImportanceMatrix is not null);
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
        PlannedConversion planned = new(plan, destination, selection);
        if (planned.IsKept || IsWanted(planned))
            _planned.Add(planned);
    }

    private bool IsWanted(PlannedConversion planned)
    {
        IReadOnlyList<string> paths = planned.Missing.PathsAt(planned.Destination);
        QuantizationPlan plan = planned.Plan;
        string source = Formatting.FileName(plan.Source.Path);
        string work = Copy ? $"Copy '{source}'" : $"Quantize '{source}' to {What(plan)}";
        string action = $"{work} and write {Formatting.Size(planned.Missing.TotalBytes)} to '{paths[0]}'.";
        if (!ShouldProcess(action, $"{action} Continue?", "ConvertTo-Quantized") || !Destinations.TryPrepare(this, [.. plan.Source.SourcePaths], Replaces, paths))
            return false;
        Destinations.Keep(plan.Source.Path, paths);
        if (plan.Imatrix is { } imatrix)
            WriteVerbose($"'{imatrix.Path}' has entries for {imatrix.Weighed} of the {imatrix.Weighable} tensors that gain from one.");
        return true;
    }

    // What another machine has finished in the meantime has the same bytes.
    private bool Replaces => Force || SkipExisting;

    /// <inheritdoc/>
    private protected override void CompletePlans(GgufFile model)
    {
        PlannedConversion[] planned = [.. _planned];
        _planned.Clear();
        PlannedConversion[] missing = [.. planned.Where(file => !file.IsKept)];
        Dictionary<PlannedConversion, QuantizationOutcome> outcomes = [];
        IQuantizationDevice? device = null;
        try
        {
            if (missing.Length > 0)
            {
                QuantizationOutput[] outputs = [.. missing.Select(file => new QuantizationOutput(file.Missing, file.Destination))];
                device = OpenDevice(model, outputs);
                outcomes = missing.Zip(Quantize(model, device, outputs)).ToDictionary(file => file.First, file => file.Second);
            }
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(model.Path));
        }
        using (device)
        {
            foreach (PlannedConversion file in planned)
                WriteResult(file, outcomes.GetValueOrDefault(file), device);
        }
    }

    private IQuantizationDevice OpenDevice(GgufFile model, QuantizationOutput[] outputs) => RunInBackground(
        $"Preparing to quantize {Formatting.FileName(model.Path)}",
        (progress, token) => DeviceCatalog.Open(
            Device, ThreadCount, warning => Post(() => WriteWarning(warning)), [.. outputs.Select(output => output.Plan)], progress, token,
            reason => Post(() => WriteVerbose(reason))));

    private IReadOnlyList<QuantizationOutcome> Quantize(GgufFile model, IQuantizationDevice device, QuantizationOutput[] outputs)
    {
        string source = Formatting.FileName(model.Path);
        Quantizer quantizer = new(new() { Device = device, MemoryBudget = EffectiveMemoryBudget, Reuse = _earlier, KeepReuseRecord = KeepReuseRecord, Resume = Resume });
        bool replacesEarlier = _earlier is not null
            && outputs.Any(output => output.Plan.PathsAt(output.Destination).Any(path => PathIdentity.AreSame(path, _earlier.Path)));
        IReadOnlyList<QuantizationOutcome> outcomes;
        try
        {
            outcomes = RunInBackground(
                Copy ? $"Copying {source}" : $"Quantizing {source} to {What(outputs)}",
                (progress, token) => quantizer.RunAll(outputs, Replaces, progress, token));
        }
        finally
        {
            if (replacesEarlier)
                ReopenEarlier();
        }
        foreach (IGrouping<WorkTimes, QuantizationResult> pass in outcomes.Where(outcome => outcome.Exception is null).Select(outcome => outcome.Result).GroupBy(result => result.Times))
            WriteVerbose(TimesOf([.. pass]));
        return outcomes;
    }

    private void WriteResult(PlannedConversion file, QuantizationOutcome? outcome, IQuantizationDevice? device)
    {
        try
        {
            if (file.IsKept || outcome is not null)
            {
                WriteObject(new QuantizedFile(file.Chosen.Describe(file.Destination, TimeSpan.Zero), outcome?.Result, file.Selection.Paths, file.Selection.KeptPaths)
                {
                    DeviceShare = file.IsKept ? 1 : (device as GpuDevice)?.Share ?? 1,
                    Hash = Hash ? string.Join(' ', file.Selection.Paths.Select(HashOf)) : null,
                });
            }
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(file.Plan.Source.Path, file.Destination));
        }
        if (file.IsKept)
            return;
        // Once they exist, other spellings lead to them too; those that failed leave their names to the next model.
        IReadOnlyList<string> paths = file.Missing.PathsAt(file.Destination);
        if (outcome is { Exception: null })
            Destinations.Keep(file.Plan.Source.Path, paths);
        else
            Destinations.Forget(paths);
    }

    // It was closed to be replaced, and further models reuse what is there now.
    private void ReopenEarlier()
    {
        string path = _earlier!.Path;
        _earlier.Dispose();
        _earlier = GgufFile.Open(path, StopToken);
    }

    /// <inheritdoc/>
    private protected override bool WritesModels => true;

    /// <inheritdoc/>
    private protected override bool ReplacesFiles => Force;

    /// <inheritdoc/>
    private protected override void ProcessUnplanned(GgufFile model, string type, string destination) =>
        ShouldProcess($"Quantize '{Formatting.FileName(model.Path)}' to {type} and write '{destination}'.", "", "ConvertTo-Quantized");

    private static string What(QuantizationPlan plan) =>
        plan.Options.Allocation is null ? $"{plan.Type}" : $"{Formatting.Bits(plan.BitsPerWeight)} bits per weight";

    private static string What(QuantizationOutput[] outputs) =>
        outputs.Length > MostNamedTypes ? $"{outputs.Length} types" : string.Join(", ", outputs.Select(output => What(output.Plan)));

    private static string TimesOf(QuantizationResult[] pass)
    {
        WorkTimes times = pass[0].Times;
        return $"{string.Join(", ", pass.Select(result => $"'{result.Path}'"))} took {Formatting.Duration(pass.Max(result => result.Duration))}; "
            + $"over all threads, {Formatting.Duration(times.Reading)} reading, {Formatting.Duration(times.Quantizing)} quantizing, {Formatting.Duration(times.Writing)} writing.";
    }

    private string HashOf(string path) =>
        RunInBackground($"Hashing {Formatting.FileName(path)}", (progress, token) => FileHash.Compute(path, progress, token));
}

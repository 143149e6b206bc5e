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
        base.BeginProcessing();
        if (Reuse is null)
            return;
        _earlier = ReadOrThrowTerminating(this.ResolveUnexpanded(Reuse), path => GgufFile.Open(path, StopToken));
        if (!Quantizer.HasReuseRecord(_earlier))
            WriteWarning($"'{Formatting.FileName(_earlier.Path)}' has no record of what it was quantized from, so nothing is copied from it: -KeepReuseRecord writes one with each new file.");
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _earlier?.Dispose();
        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override void ProcessPlan(QuantizationPlan plan, string destination, IReadOnlyList<string> paths)
    {
        string source = Formatting.FileName(plan.Source.Path);
        string work = Copy ? $"Copy '{source}'" : $"Quantize '{source}' to {What(plan)}";
        string action = $"{work} and write {Formatting.Size(plan.TotalBytes)} to '{paths[0]}'.";
        if (!ShouldProcess(action, $"{action} Continue?", "ConvertTo-Quantized"))
            return;
        if (!Destinations.TryPrepare(this, [.. plan.Source.SourcePaths], Force, paths))
            return;
        using IQuantizationDevice device = RunInBackground(
            $"Preparing to quantize {source}",
            (progress, token) => DeviceCatalog.Open(
                Device, ThreadCount, warning => Post(() => WriteWarning(warning)), plan, progress, token, reason => Post(() => WriteVerbose(reason))));
        if (plan.Imatrix is { } imatrix)
            WriteVerbose($"'{imatrix.Path}' has entries for {imatrix.Weighed} of the {imatrix.Weighable} tensors that gain from one.");
        Quantizer quantizer = new(new() { Device = device, MemoryBudget = EffectiveMemoryBudget, Reuse = _earlier, KeepReuseRecord = KeepReuseRecord, Resume = Resume });
        bool replacesEarlier = _earlier is not null && paths.Any(path => PathIdentity.AreSame(path, _earlier.Path));
        QuantizationResult result;
        try
        {
            result = RunInBackground(
                Copy ? $"Copying {source}" : $"Quantizing {source} to {What(plan)}",
                (progress, token) => quantizer.Run(plan, destination, Force, progress, token));
        }
        finally
        {
            if (replacesEarlier)
                ReopenEarlier();
        }
        WriteVerbose(TimesOf(result));
        Destinations.Keep(plan.Source.Path, paths);
        WriteObject(new QuantizedFile(result, paths, device, Hash ? string.Join(' ', paths.Select(HashOf)) : null));
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

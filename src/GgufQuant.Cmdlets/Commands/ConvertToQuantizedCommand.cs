using System.Management.Automation;
using System.Security.Cryptography;
using GgufQuant.Catalog;
using GgufQuant.Gguf;
using GgufQuant.Gpu;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>Quantizes a model to one or several types, with the bytes of llama.cpp.</summary>
[Cmdlet(VerbsData.ConvertTo, "Quantized", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(QuantizedFile), typeof(PlannedFile))]
public sealed class ConvertToQuantizedCommand : QuantizationCommand
{
    private Destinations _destinations = new();
    private GgufFile? _earlier;

    /// <summary>The file types to make.</summary>
    [Parameter(Position = 1, HelpMessage = "One or more file types: Q4_K_M, Q8_0, ...")]
    [QuantTypeTransformation]
    [ArgumentCompleter(typeof(QuantNameCompleter))]
    public QuantType[] Type { get; set; } = [];

    /// <summary>Copies the tensors as they are.</summary>
    [Parameter(HelpMessage = "Keep every tensor as it is: to prune layers, change metadata or split alone.")]
    public SwitchParameter Copy { get; set; }

    /// <summary>A file or a folder to write to.</summary>
    [Parameter(HelpMessage = "A file or a folder; default: beside the source, as model-Q4_K_M.gguf.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Replaces files that exist.</summary>
    [Parameter(HelpMessage = "Replace files that exist.")]
    public SwitchParameter Force { get; set; }

    /// <summary>An earlier file with a record of what it was made from.</summary>
    [Parameter(HelpMessage = "An earlier file that -KeepReuseRecord was given for: tensors that would be the same are copied from it.")]
    [ValidateNotNullOrEmpty]
    public string? Reuse { get; set; }

    /// <summary>Writes the record that lets a later run reuse the file.</summary>
    [Parameter(HelpMessage = "Write a record of what each tensor was made from beside the file, for a later -Reuse.")]
    public SwitchParameter KeepReuseRecord { get; set; }

    /// <summary>Goes on with a conversion that was interrupted.</summary>
    [Parameter(HelpMessage = "Keep what is finished when interrupted, and go on with it the next time.")]
    public SwitchParameter Resume { get; set; }

    /// <summary>What quantizes.</summary>
    [Parameter(HelpMessage = "Auto, Cpu, Cuda, Cuda:0, OpenCL or OpenCL:0; Get-QuantDevice lists them.")]
    [ArgumentCompleter(typeof(DeviceCompleter))]
    [ValidateDevice]
    public string Device { get; set; } = "Auto";

    /// <summary>Processor threads to use.</summary>
    [Parameter(HelpMessage = "Threads; default: all cores. The file is the same whatever their number.")]
    [ValidateRange(1, 1024)]
    public int Threads { get; set; }

    /// <summary>Bytes of memory to use at most.</summary>
    [Parameter(HelpMessage = "Memory to use at most, whatever the model's size: 512MB, 2GB.")]
    [ValidateRange(64L << 20, long.MaxValue)]
    public long MemoryBudget { get; set; } = new QuantizerOptions().MemoryBudget;

    /// <summary>Computes the SHA-256 of each file.</summary>
    [Parameter(HelpMessage = "Compute the SHA-256 of each file.")]
    public SwitchParameter Hash { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        this.RefuseTogether(
            nameof(Copy), nameof(Pure), nameof(TensorType), nameof(Recipe), nameof(OutputTensorType),
            nameof(TokenEmbeddingType), nameof(LeaveOutputTensor), nameof(ImportanceMatrix));
        base.BeginProcessing();
        if (Type.Length == 0 != Copy)
        {
            ThrowTerminatingError(new(
                new ArgumentException("Give -Type one or more file types, such as Q4_K_M, or -Copy to keep the tensors as they are; not both."),
                "TypeOrCopy", ErrorCategory.InvalidArgument, null));
        }
        _destinations = DestinationsAt(Destination, ".gguf");
        if (_destinations.IsFile && Type.Length > 1)
        {
            ThrowTerminatingError(new(
                new ArgumentException($"'{Destination}' is one file, but {Type.Length} types were asked for. Give -Destination a folder."),
                "DestinationIsFile", ErrorCategory.InvalidArgument, Destination));
        }
        if ((TensorType.Length > 0 || Recipe is not null) && Type.FirstOrDefault(type => !type.Format.IsQuantized) is { } plain)
            WriteWarning($"{plain.Name} has no mix of types, so rules for tensors have no effect on it, as in llama.cpp.");
        if (Reuse is null)
            return;
        _earlier = OrStop(ResolveUnexpanded(Reuse), path => GgufFile.Open(path, StopToken));
        if (!Quantizer.HasReuseRecord(_earlier))
            WriteWarning($"'{Formatting.FileName(_earlier.Path)}' has no record of what it was made from, so nothing is copied from it: -KeepReuseRecord writes one with each new file.");
    }

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        WarnOfIdleRules(model);
        if (Copy)
            TryConvert(model, QuantizationPlan.CreateCopy);
        foreach (QuantType type in Type.Distinct())
            TryConvert(model, (source, options) => QuantizationPlan.Create(source, type.Type, options));
    }

    // One type that cannot be made does not keep the others from being made.
    private void TryConvert(GgufFile model, Func<GgufFile, QuantizationOptions, QuantizationPlan> plan)
    {
        try
        {
            Convert(plan(model, OptionsFor(model)));
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(model.Path));
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _earlier?.Dispose();
        base.Dispose(disposing);
    }

    private void Convert(QuantizationPlan plan)
    {
        string source = Formatting.FileName(plan.Source.Path);
        string destination = _destinations.For(plan.Source.Path, NameOf(plan));
        IReadOnlyList<string> paths = plan.PathsAt(destination);
        string work = Copy ? $"Copy '{source}'" : $"Quantize '{source}' to {plan.Type}";
        string action = $"{work} and write {Formatting.Size(plan.TotalBytes)} to '{paths[0]}'.";
        if (!ShouldProcess(action, $"{action} Continue?", "ConvertTo-Quantized", out ShouldProcessReason reason))
        {
            if (reason == ShouldProcessReason.WhatIf)
                WriteObject(new PlannedFile(plan, paths));
            return;
        }
        if (_destinations.Refusal(plan.Source.Path, Force, paths) is ErrorRecord refusal)
        {
            WriteError(refusal);
            return;
        }

        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(destination)!);
        using IQuantizationDevice device = RunInBackground(
            $"Preparing to quantize {source}",
            (progress, token) => DeviceCatalog.Open(
                Device, Threads, warning => Post(() => WriteWarning(warning)), plan, progress, token));
        Quantizer quantizer = new(new() { Device = device, MemoryBudget = MemoryBudget, Reuse = _earlier, KeepReuseRecord = KeepReuseRecord, Resume = Resume });
        QuantizationResult result = RunInBackground(
            Copy ? $"Copying {source}" : $"Quantizing {source} to {plan.Type}",
            (progress, token) => quantizer.Run(plan, destination, Force, progress, token));
        _destinations.Keep(plan.Source.Path, paths);
        WriteObject(new QuantizedFile(result, paths, device, Hash ? string.Join(' ', paths.Select(HashOf)) : null));
    }

    // model-f16.gguf becomes model-Q4_K_M.gguf.
    private static string NameOf(QuantizationPlan plan)
    {
        string suffix = plan.Type is null ? "" : $"-{plan.Type}";
        return $"{QuantName.WithoutQuantization(plan.Source.Path)}{suffix}.gguf";
    }

    private string HashOf(string path) => RunInBackground(
        $"Hashing {Formatting.FileName(path)}",
        (progress, token) =>
        {
            using FileStream file = File.OpenRead(path);
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            byte[] buffer = new byte[1 << 20];
            for (int read; (read = file.Read(buffer)) > 0;)
            {
                token.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, read);
                progress.Report(new(Formatting.Size(file.Length), (double)file.Position / file.Length, Remaining: null));
            }
            return System.Convert.ToHexString(hash.GetHashAndReset());
        });
}

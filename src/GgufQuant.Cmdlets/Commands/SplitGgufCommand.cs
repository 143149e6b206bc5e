using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Splits models into several files.</summary>
[Cmdlet(VerbsCommon.Split, "Gguf", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class SplitGgufCommand : PathCommand
{
    private Destinations _destinations = new();

    /// <summary>The folder to write to.</summary>
    [Parameter(Position = 1, HelpMessage = "The folder to write to; default: next to the model.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Maximum bytes of tensor data per file.</summary>
    [Parameter(HelpMessage = "Maximum bytes of tensor data per file: 2GB.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long? MaxSize { get; set; }

    /// <summary>Maximum number of tensors per file.</summary>
    [Parameter(HelpMessage = "Maximum number of tensors per file, without -MaxSize.")]
    [ValidateRange(1, int.MaxValue)]
    public int MaxTensor { get; set; } = new GgufSplitOptions().MaxTensors;

    /// <summary>Whether the first file contains only metadata.</summary>
    [Parameter(HelpMessage = "Write only metadata to the first file.")]
    public SwitchParameter MetadataAlone { get; set; }

    /// <summary>Overwrites existing files.</summary>
    [Parameter(HelpMessage = "Overwrite existing files.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        this.ThrowIfBothBound(nameof(MaxSize), nameof(MaxTensor));
        _destinations = DestinationsAt(Destination, ".gguf");
        if (!_destinations.IsFile)
            return;
        ThrowTerminatingError(new(
            new ArgumentException($"'{Destination}' looks like a file, but -Destination is a folder for all shards, which are named after the model."),
            "DestinationIsNoFolder", ErrorCategory.InvalidArgument, Destination));
    }

    /// <inheritdoc/>
    private protected override bool Takes(ModelKind kind) => true;

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        GgufSplitOptions options = new() { MaxBytes = MaxSize, MaxTensors = MaxTensor, MetadataAlone = MetadataAlone, Overwrite = Force };
        string prefix = _destinations.For(model.Path, ShardNames.WithoutNumber(System.IO.Path.GetFileNameWithoutExtension(model.Path)));
        int count = GgufSplitter.Plan(model, options).Count;
        string first = ShardNames.PathOf(prefix, 0, count);
        if (!ShouldProcess(first, $"Split '{Formatting.FileName(model.Path)}' into {count} file{(count == 1 ? "" : "s")}"))
            return;
        if (!_destinations.TryPrepare(this, [.. model.Shards.Select(shard => shard.Path)], Force, first))
            return;
        IReadOnlyList<string> shards = RunInBackground(
            $"Splitting {Formatting.FileName(model.Path)}",
            (progress, token) => GgufSplitter.Split(model, prefix, options, progress, token));
        _destinations.Keep(model.Path, shards);
        foreach (string shard in shards)
            this.WriteFile(shard);
    }
}

using System.Management.Automation;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Splits models into several files.</summary>
[Cmdlet(VerbsCommon.Split, "Gguf", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class SplitGgufCommand : ModelCommand
{
    /// <summary>The folder to write to.</summary>
    [Parameter(Position = 1, HelpMessage = "The folder to write to; default: beside the model.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Bytes of tensor data a file holds at most.</summary>
    [Parameter(HelpMessage = "Bytes of tensor data a file holds at most: 2GB.")]
    [ValidateRange(1, long.MaxValue)]
    public long? MaxSize { get; set; }

    /// <summary>Tensors a file holds at most.</summary>
    [Parameter(HelpMessage = "Tensors a file holds at most; without effect with -MaxSize.")]
    [ValidateRange(1, int.MaxValue)]
    public int MaxTensor { get; set; } = new GgufSplitOptions().MaxTensors;

    /// <summary>Keeps the first file free of tensors.</summary>
    [Parameter(HelpMessage = "Put the metadata alone into the first file.")]
    public SwitchParameter MetadataAlone { get; set; }

    /// <summary>Replaces files that exist.</summary>
    [Parameter(HelpMessage = "Replace files that exist.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (Destination is null || Destinations.At(Destination, ResolveUnexpanded(Destination)) is { IsFile: false })
            return;
        ThrowTerminatingError(new(
            new ArgumentException($"'{Destination}' looks like a file, but -Destination is the folder for all of them; they are named after the model."),
            "DestinationIsNoFolder", ErrorCategory.InvalidArgument, Destination));
    }

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        GgufSplitOptions options = new() { MaxBytes = MaxSize, MaxTensors = MaxTensor, MetadataAlone = MetadataAlone, Overwrite = Force };
        string folder = Destination is null ? System.IO.Path.GetDirectoryName(model.Path)! : ResolveUnexpanded(Destination);
        string prefix = System.IO.Path.Combine(folder, SplitNames.Stem(model.Path));
        int count = GgufSplitter.Plan(model, options).Count;
        if (!ShouldProcess($"{prefix}-00001-of-{count:00000}.gguf", $"Split '{Formatting.FileName(model.Path)}' into {count} files"))
            return;
        Directory.CreateDirectory(folder);
        IReadOnlyList<string> shards = RunInBackground(
            $"Splitting {Formatting.FileName(model.Path)}",
            (progress, token) => GgufSplitter.Split(model, prefix, options, new CopyStatus(progress), token));
        foreach (string shard in shards)
            this.WriteFile(shard);
    }
}

using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Merges a split model into one file.</summary>
[Cmdlet(VerbsData.Merge, "Gguf", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class MergeGgufCommand : PathCommand
{
    private Destinations _destinations = new();

    /// <summary>The file or the folder to write to.</summary>
    [Parameter(Position = 1, HelpMessage = "A file or a folder; default: next to the shards, named without their numbers.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Overwrites an existing file.</summary>
    [Parameter(HelpMessage = "Overwrite an existing file.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _destinations = DestinationsAt(Destination, ".gguf");
    }

    /// <inheritdoc/>
    private protected override bool Takes(ModelKind kind) => true;

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        string destination = _destinations.For(model.Path, ShardNames.WithoutNumber(System.IO.Path.GetFileNameWithoutExtension(model.Path)) + ".gguf");
        if (model.Shards.Count == 1 && PathIdentity.AreSame(model.Path, destination))
        {
            WriteError(NotSplit(destination));
            return;
        }
        if (!ShouldProcess(destination, $"Merge {model.Shards.Count} files"))
            return;
        if (!_destinations.TryPrepare(this, [.. model.Shards.Select(shard => shard.Path)], Force, destination))
            return;
        RunInBackground(
            $"Merging {model.Shards.Count} files",
            (progress, token) =>
            {
                GgufSplitter.Merge(model, destination, Force, progress, token);
                return true;
            });
        _destinations.Keep(model.Path, destination);
        this.WriteFile(destination);
    }

    private static ErrorRecord NotSplit(string path) => new(
        new ArgumentException($"'{path}' is not split: there is nothing to merge."), "NotSplit", ErrorCategory.InvalidArgument, path);
}

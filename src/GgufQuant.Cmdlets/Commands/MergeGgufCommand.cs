using System.Management.Automation;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Makes one file of a split model.</summary>
[Cmdlet(VerbsData.Merge, "Gguf", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class MergeGgufCommand : ModelCommand
{
    /// <summary>The file or the folder to write to.</summary>
    [Parameter(Position = 1, HelpMessage = "A file or a folder; default: beside the shards, named without their numbers.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Replaces a file that exists.</summary>
    [Parameter(HelpMessage = "Replace a file that exists.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        string destination = DestinationOf(model.Path);
        if (!ShouldProcess(destination, $"Merge {model.Shards.Count} files"))
            return;
        if (!Force && File.Exists(destination))
        {
            WriteError(PathErrors.Exists(destination));
            return;
        }
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(destination)!);
        RunInBackground(
            $"Merging {model.Shards.Count} files",
            (progress, token) =>
            {
                GgufSplitter.Merge(model, destination, Force, new CopyStatus(progress), token);
                return true;
            });
        this.WriteFile(destination);
    }

    private string DestinationOf(string source)
    {
        string name = SplitNames.Stem(source) + ".gguf";
        if (Destination is null)
            return System.IO.Path.Combine(System.IO.Path.GetDirectoryName(source)!, name);
        string path = ResolveUnexpanded(Destination);
        return Destinations.At(Destination, path).IsFile ? path : System.IO.Path.Combine(path, name);
    }
}

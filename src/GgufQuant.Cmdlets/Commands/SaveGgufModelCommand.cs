using System.Management.Automation;
using GgufQuant.Hub;

namespace GgufQuant.Commands;

/// <summary>Downloads models.</summary>
[Cmdlet(VerbsData.Save, "GgufModel", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(SavedModel))]
public sealed class SaveGgufModelCommand : PathCommand
{
    private Destinations _destinations = new();

    /// <summary>Where to write to.</summary>
    [Parameter(Position = 1, HelpMessage = "A folder, or the file's name; default: the current folder.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Overwrites existing files.</summary>
    [Parameter(HelpMessage = "Overwrite existing files.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override bool TakesAddresses => true;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _destinations = Destination is null
            ? new(SessionState.Path.CurrentFileSystemLocation.ProviderPath, isFolder: true)
            : DestinationsAt(Destination, ".gguf");
    }

    /// <inheritdoc/>
    protected override void ProcessFile(string path)
    {
        if (!RemoteAddress.IsAddress(path))
        {
            WriteError(PathErrors.IsOnDisk(path));
            return;
        }
        ModelDownload download = RunInBackground($"Looking for {Formatting.FileName(path)}", (_, token) => Hub.FindDownload(RemoteAddress.Parse(path, Hub.Options), token));
        if (FindProblem(path, download) is { } problem)
        {
            WriteError(problem);
            return;
        }
        string[] files = [.. download.Files.Select(file => _destinations.For(path, file.Name))];
        string name = Formatting.FileName(files[0]);
        if (!Force && files.All(File.Exists) && RunInBackground($"Comparing {name}", (progress, token) => download.IsAt(files, progress, token)))
        {
            WriteVerbose($"'{files[0]}' is already there, with the same SHA-256.");
            WriteObject(new SavedModel(path, download, files, [.. download.Files.Select(file => file.Sha256!)]));
            return;
        }
        if (!ShouldProcess(files[0], $"Download {Formatting.Size(download.Length)} from '{path}'"))
            return;
        if (!_destinations.TryPrepare(this, [path], Force, files))
            return;
        IReadOnlyList<string> digests = RunInBackground($"Downloading {name}", (progress, token) => download.Save(files, Force, progress, token));
        _destinations.Keep(path, files);
        WriteObject(new SavedModel(path, download, files, digests));
    }

    private ErrorRecord? FindProblem(string path, ModelDownload download)
    {
        if (_destinations.IsFile)
        {
            return download.Files.Count == 1
                ? null
                : new(
                    new ArgumentException($"'{path}' is a model in {download.Files.Count} files, but -Destination names a file: give it a folder."),
                    "DestinationIsNoFolder", ErrorCategory.InvalidArgument, path);
        }
        return download.Files[0].Name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)
            ? null
            : new(
                new ArgumentException($"'{path}' does not end in the name of a GGUF file: give -Destination the name of the file to write."),
                "NameMissing", ErrorCategory.InvalidArgument, path);
    }
}

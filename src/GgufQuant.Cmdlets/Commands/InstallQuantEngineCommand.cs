using System.Management.Automation;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Commands;

/// <summary>Installs another backend of the engine from a NuGet package file.</summary>
[Cmdlet(VerbsLifecycle.Install, "QuantEngine", SupportsShouldProcess = true)]
[OutputType(typeof(InstalledEngine))]
public sealed class InstallQuantEngineCommand : StoppableCommand
{
    /// <summary>The package file.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true,
        HelpMessage = "The NuGet package (.nupkg) of a LLamaSharp backend.")]
    [Alias("PSPath", "LiteralPath", "LP", "FullName")]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    /// <summary>The SHA-256 the file must have.</summary>
    [Parameter(HelpMessage = "The SHA-256 the file must have, in hexadecimal.")]
    [ValidatePattern("^[0-9A-Fa-f]{64}$")]
    public string? Hash { get; set; }

    /// <summary>Replaces an already installed engine.</summary>
    [Parameter(HelpMessage = "Replace an already installed engine.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        string path = this.ResolveUnexpanded(Path);
        if (PathErrors.NoFile(path) is ErrorRecord error)
        {
            WriteError(error);
            return;
        }
        if (EngineInstaller.DefaultFolder is not string folder)
        {
            WriteError(new(
                new IOException($"This user has no data folder: set the environment variable {EngineInstaller.FolderVariable} to a folder."),
                "NoEngineFolder", ErrorCategory.ResourceUnavailable, path));
            return;
        }
        try
        {
            using EnginePackage package = RunInBackground($"Checking {Formatting.FileName(path)}", (_, token) => EnginePackage.Open(path, Hash, token));
            Install(package, new(folder));
        }
        catch (InvalidEnginePackageException exception)
        {
            WriteError(new(exception, "InvalidEnginePackage", ErrorCategory.InvalidData, path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            WriteError(exception.ToErrorRecord(path));
        }
    }

    private void Install(EnginePackage package, EngineInstaller installer)
    {
        string target = installer.FolderOf(package);
        if (!ShouldProcess(target, $"Install {package.Id} {package.Version}"))
            return;
        if (Directory.Exists(target) && !Force)
        {
            WriteError(new(
                new IOException($"The engine '{package.Name}' is already installed in '{target}'. Use -Force to replace it."),
                "EngineExists", ErrorCategory.ResourceExists, target));
            return;
        }
        RunInBackground(
            $"Installing {package.Id}",
            (_, token) =>
            {
                installer.Install(package, Force, token);
                return true;
            });
        WriteObject(EngineCatalog.Find(EngineFolder.Of(this)).Where(engine => engine.Path.StartsWith(target, StringComparison.Ordinal)), enumerateCollection: true);
    }
}

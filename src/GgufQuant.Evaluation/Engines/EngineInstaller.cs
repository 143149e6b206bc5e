using GgufQuant.IO;

namespace GgufQuant.Evaluation.Engines;

/// <summary>Installs engines into a per-user folder, one subfolder per engine.</summary>
public sealed class EngineInstaller(string folder)
{
    /// <summary>The environment variable that overrides the folder.</summary>
    public const string FolderVariable = "GGUFQUANT_ENGINES";

    /// <summary>The folder with this user's engines; null if the system has no folder for user data.</summary>
    public static string? DefaultFolder
    {
        get
        {
            if (Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } chosen)
                return Path.GetFullPath(chosen);
            string data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
            return data.Length > 0 ? Path.Combine(data, "GgufQuant", "engines") : null;
        }
    }

    /// <summary>The folder a package's engine is installed to.</summary>
    public string FolderOf(EnginePackage package) => Path.Combine(folder, $"{package.Name}-{package.Version}");

    /// <summary>Installs a package: either completely, or nothing changes.</summary>
    /// <param name="package">The package.</param>
    /// <param name="overwrite">Whether to replace an installed engine.</param>
    /// <param name="cancellationToken">Cancels; nothing is left behind.</param>
    /// <exception cref="InvalidEnginePackageException">The package is damaged.</exception>
    /// <exception cref="IOException">It is already installed, its libraries are in use, or the disk has no room.</exception>
    public void Install(EnginePackage package, bool overwrite, CancellationToken cancellationToken)
    {
        string target = FolderOf(package);
        if (Directory.Exists(target) && !overwrite)
            throw new IOException($"'{target}' already exists.");
        Directory.CreateDirectory(folder);
        DiskSpace.Check(target, package.Size);
        string unfinished = Path.Combine(folder, $".{Guid.NewGuid():N}");
        string replaced = unfinished + ".old";
        try
        {
            Directory.CreateDirectory(unfinished);
            package.Extract(unfinished, cancellationToken).Write(unfinished);
            bool replaces = Directory.Exists(target);
            if (replaces)
                Move(target, replaced);
            try
            {
                Move(unfinished, target);
            }
            catch when (replaces)
            {
                Move(replaced, target);
                throw;
            }
        }
        finally
        {
            Remove(unfinished);
            Remove(replaced);
        }
    }

    // A scanner may have the new libraries open for a moment.
    private static void Move(string from, string to) => FileSystem.Native.Retry(() => FileSystem.Native.MoveFolder(from, to));

    private static void Remove(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
    }
}

namespace GgufQuant.Evaluation.Engines;

/// <summary>The available engines.</summary>
public static class EngineCatalog
{
    internal const string Cpu = "Cpu";
    private const string PackagePrefix = "LLamaSharp.Backend.";

    /// <summary>The module's engines, the CPU's first, then the installed ones, oldest first.</summary>
    /// <param name="engineFolder">The full path of the module's <c>engine</c> folder.</param>
    public static IReadOnlyList<InstalledEngine> Find(string engineFolder) => Find(engineFolder, EngineInstaller.DefaultFolder);

    /// <summary>The same with another folder of installed engines.</summary>
    /// <param name="engineFolder">The full path of the module's <c>engine</c> folder.</param>
    /// <param name="installFolder">The folder that engines are installed to; null for none.</param>
    internal static IReadOnlyList<InstalledEngine> Find(string engineFolder, string? installFolder)
    {
        string assembly = Path.Combine(engineFolder, "GgufQuant.LLamaSharp.dll");
        string? missing = File.Exists(assembly) ? null : $"The module contains no engine in '{engineFolder}'.";
        return [.. OfModule(engineFolder, assembly, missing), .. Installed(installFolder, assembly, missing)];
    }

    /// <summary>The engine to run models with.</summary>
    /// <param name="engines">What <see cref="Find(string)"/> returned.</param>
    /// <param name="name">Its name, in any case; null for the newest available one.</param>
    /// <exception cref="EngineMissingException">There is none with that name, or it cannot run here.</exception>
    public static InstalledEngine Choose(IReadOnlyList<InstalledEngine> engines, string? name)
    {
        InstalledEngine[] candidates = [.. engines.Where(engine => name is null || engine.Name.Equals(name, StringComparison.OrdinalIgnoreCase))];
        if (candidates.Length == 0)
            throw new EngineMissingException($"There is no engine '{name}'. Available engines: {string.Join(", ", engines.Select(engine => $"'{engine.Name}'").Distinct())}.");
        if (candidates.LastOrDefault(engine => engine.IsAvailable) is { } available)
            return available;
        InstalledEngine first = name is null ? candidates[0] : candidates[^1];
        throw new EngineMissingException($"The engine '{first.Name}' cannot run here: {first.UnavailableReason}");
    }

    private static IEnumerable<InstalledEngine> OfModule(string engineFolder, string assembly, string? missing)
    {
        string platform = NativePlatform.RuntimeIdentifier;
        string runtimes = Path.Combine(engineFolder, "runtimes", platform);
        string? cpu = NativeFolders.Cpu(runtimes);
        yield return new(
            new(Cpu, assembly, cpu ?? runtimes), EngineVersion.Text, PackagePrefix + Cpu,
            missing ?? (cpu is null ? NoLibraries(Path.GetDirectoryName(runtimes)!, platform) : NativeDependencies.FindMissing(Cpu)));
        foreach ((string name, string path) in NativeFolders.Gpu(runtimes))
            yield return new(new(name, assembly, path), EngineVersion.Text, PackagePrefix + name, missing ?? NativeDependencies.FindMissing(name));
    }

    // A build stages those of the SDK's architecture, which need not be PowerShell's.
    private static string NoLibraries(string runtimes, string platform)
    {
        string[] others = Directory.Exists(runtimes) ? [.. new DirectoryInfo(runtimes).EnumerateDirectories().Select(folder => folder.Name).Order(StringComparer.Ordinal)] : [];
        return others.Length == 0
            ? $"The module contains no libraries for {platform}."
            : $"The module contains no libraries for {platform}, which this PowerShell runs as, only for {string.Join(", ", others)}: use PowerShell for one of these, or the package, which has all.";
    }

    private static IEnumerable<InstalledEngine> Installed(string? installFolder, string assembly, string? missing)
    {
        if (!Directory.Exists(installFolder))
            return [];
        return
            from folder in new DirectoryInfo(installFolder).EnumerateDirectories()
            where File.Exists(Path.Combine(folder.FullName, EngineManifest.FileName))
            orderby folder.CreationTimeUtc, folder.Name
            select Describe(folder.FullName, assembly, missing);
    }

    private static InstalledEngine Describe(string folder, string assembly, string? missing)
    {
        try
        {
            EngineManifest manifest = EngineManifest.Read(folder);
            string natives = NativeFolders.Cpu(folder) ?? NativeFolders.Gpu(folder).Select(entry => entry.Path).FirstOrDefault() ?? folder;
            bool fits = manifest.Version == EngineVersion.LLamaSharp;
            string? reason = missing
                ?? (fits
                    ? manifest.FindChange(folder) ?? NativeDependencies.FindMissing(manifest.Name)
                    : $"It is for LLamaSharp {manifest.Version}, but this module uses {EngineVersion.LLamaSharp}.");
            return new(new(manifest.Name, assembly, natives), fits ? EngineVersion.Text : $"LLamaSharp {manifest.Version}", manifest.Package, reason);
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return new(new(Path.GetFileName(folder), assembly, folder), "", "", exception.Message);
        }
    }
}

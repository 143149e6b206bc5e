namespace GgufQuant.Evaluation.Engines;

/// <summary>The engines that can be chosen.</summary>
public static class EngineCatalog
{
    /// <summary>The name of the engine that comes with the module.</summary>
    public const string ModuleEngine = "Cpu";

    private const string Assembly = "GgufQuant.LLamaSharp.dll";

    /// <summary>The engines of a module's folder: the processor's first, then those of GPU backends the build staged.</summary>
    /// <param name="engineFolder">The full path of the folder <c>engine</c> of the module.</param>
    public static IReadOnlyList<InstalledEngine> Find(string engineFolder)
    {
        string assembly = Path.Combine(engineFolder, Assembly);
        string runtimes = Path.Combine(engineFolder, "runtimes", NativePlatform.RuntimeIdentifier);
        string? missing = File.Exists(assembly) ? null : $"There is no engine in '{engineFolder}'.";
        List<InstalledEngine> engines = [];
        string? cpu = NativeFolders.Cpu(runtimes);
        engines.Add(new(
            new(ModuleEngine, assembly, cpu ?? runtimes),
            EngineVersion.Text,
            $"LLamaSharp.Backend.{ModuleEngine}",
            missing ?? (cpu is null ? $"There are no libraries for {NativePlatform.RuntimeIdentifier} in '{runtimes}'." : NativeDependencies.FindMissing(ModuleEngine))));
        foreach ((string name, string path) in NativeFolders.Gpu(runtimes))
            engines.Add(new(new(name, assembly, path), EngineVersion.Text, $"LLamaSharp.Backend.{name}", missing ?? NativeDependencies.FindMissing(name)));
        return engines;
    }

    /// <summary>The engine to use where none is chosen: the last that is available, and the processor's where none is.</summary>
    public static InstalledEngine Default(IReadOnlyList<InstalledEngine> engines) =>
        engines.LastOrDefault(engine => engine.UnavailableReason is null) ?? engines[0];
}

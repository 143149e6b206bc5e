using System.Reflection;
using System.Runtime.Loader;

namespace GgufQuant.Evaluation.Engines;

/// <summary>Loads an engine from an assembly with third-party dependencies, such as LLamaSharp, into this process.</summary>
public static class PackagedEngine
{
    private static readonly Lock s_lock = new();
    private static readonly Dictionary<string, MethodInfo> s_started = [];

    /// <summary>
    /// Loads the engine's assembly into its own load context, so that its dependencies never clash with another module's
    /// copies, and starts it. Starting the same assembly again only replaces the receiver of the log.
    /// </summary>
    /// <param name="location">The engine's files.</param>
    /// <param name="log">Receives the engine's log on any thread; null to drop it.</param>
    /// <exception cref="EngineMissingException">The assembly cannot be loaded or contains no engine, or its libraries cannot be loaded here.</exception>
    /// <exception cref="EngineVersionException">The libraries are not the version the assembly was built for.</exception>
    public static IInferenceEngine Start(EngineLocation location, Action<LlamaLogLevel, string>? log = null)
    {
        ArgumentNullException.ThrowIfNull(location);
        try
        {
            if (EngineManifest.Covering(location.NativesFolder) is { } installed && installed.Manifest.FindChange(installed.Folder) is string change)
                throw new EngineMissingException($"The engine '{location.Name}' is not loaded: {change}");
            lock (s_lock)
            {
                if (!s_started.TryGetValue(location.AssemblyPath, out MethodInfo? start))
                    s_started[location.AssemblyPath] = start = FindStart(location.AssemblyPath);
                return (IInferenceEngine)start.Invoke(null, [location.NativesFolder, log])!;
            }
        }
        catch (TargetInvocationException exception) when (exception.InnerException is EngineMissingException inner)
        {
            throw new EngineMissingException(inner.Message, inner);
        }
        catch (TargetInvocationException exception) when (exception.InnerException is EngineVersionException inner)
        {
            throw new EngineVersionException(inner.Message, inner);
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException or UnauthorizedAccessException or BadImageFormatException)
        {
            throw new EngineMissingException($"The engine '{location.AssemblyPath}' cannot be loaded: {exception.Message}", exception);
        }
    }

    private static MethodInfo FindStart(string path)
    {
        Assembly assembly = new Context(path).LoadFromAssemblyPath(path);
        Type engine = assembly.GetExportedTypes().FirstOrDefault(type => type.IsAssignableTo(typeof(IInferenceEngine)))
            ?? throw new EngineMissingException($"'{path}' contains no engine.");
        return engine.GetMethod("Start", [typeof(string), typeof(Action<LlamaLogLevel, string>)])
            ?? throw new EngineMissingException($"The engine '{engine.FullName}' in '{path}' has no method Start(nativesFolder, log).");
    }

    private sealed class Context(string path) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(path))
    {
        private readonly string _folder = Path.GetDirectoryName(path)!;

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            // The engine interface must be the caller's own: a second copy would be a different type.
            if (assemblyName.Name == typeof(PackagedEngine).Assembly.GetName().Name)
                return typeof(PackagedEngine).Assembly;
            string candidate = Path.Combine(_folder, assemblyName.Name + ".dll");
            return File.Exists(candidate) ? LoadFromAssemblyPath(candidate) : null;
        }
    }
}

using System.Reflection;
using System.Runtime.Loader;

namespace GgufQuant.Evaluation.Engines;

/// <summary>An engine that comes as an assembly with third-party ones beside it, such as LLamaSharp's.</summary>
public static class PackagedEngine
{
    /// <summary>
    /// Loads the engine of an assembly in a load context of its own, so that what it brings along never clashes with
    /// another module's copy, and starts it.
    /// </summary>
    /// <param name="path">Full path of the assembly; its dependencies lie in the same folder.</param>
    /// <param name="log">Receives the engine's log on any thread; null to drop it.</param>
    /// <exception cref="EngineMissingException">The assembly does not load, holds no engine, or the engine does not start.</exception>
    public static IInferenceEngine Start(string path, Action<LlamaLogLevel, string>? log = null)
    {
        try
        {
            Assembly assembly = new Context(path).LoadFromAssemblyPath(path);
            Type engine = assembly.GetExportedTypes().FirstOrDefault(type => type.IsAssignableTo(typeof(IInferenceEngine)))
                ?? throw new EngineMissingException($"'{path}' holds no engine.");
            MethodInfo start = engine.GetMethod("Start", [typeof(Action<LlamaLogLevel, string>)])
                ?? throw new EngineMissingException($"The engine '{engine.FullName}' in '{path}' cannot be started: it has no Start method that takes a log.");
            return (IInferenceEngine)start.Invoke(null, [log])!;
        }
        catch (TargetInvocationException exception) when (exception.InnerException is EngineMissingException inner)
        {
            throw new EngineMissingException(inner.Message, inner);
        }
        catch (Exception exception) when (exception is IOException or BadImageFormatException)
        {
            throw new EngineMissingException($"The engine '{path}' does not load: {exception.Message}", exception);
        }
    }

    private sealed class Context(string path) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(path))
    {
        private readonly string _folder = Path.GetDirectoryName(path)!;

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            // The interface and what it speaks of must be the caller's, not a second copy.
            if (assemblyName.Name == typeof(PackagedEngine).Assembly.GetName().Name)
                return typeof(PackagedEngine).Assembly;
            string candidate = Path.Combine(_folder, assemblyName.Name + ".dll");
            return File.Exists(candidate) ? LoadFromAssemblyPath(candidate) : null;
        }
    }
}

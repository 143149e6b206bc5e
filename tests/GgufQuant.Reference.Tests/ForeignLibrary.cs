using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using GgufQuant.Reference.Evaluation;

namespace GgufQuant.Reference.Tests;

/// <summary>v0.5.0's libraries with an altered libllama.</summary>
internal sealed unsafe class ForeignLibrary : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Compiles it; skips the test where there is no compiler.</summary>
    /// <param name="altered">The function of defaults to alter; any other text for none.</param>
    /// <param name="offset">The byte of its structure to alter.</param>
    /// <param name="leftOut">A function that it lacks; null for none.</param>
    public ForeignLibrary(string altered = "", int offset = 0, string? leftOut = null)
    {
        LlamaEngineTests.StartReference();
        IEnumerable<string> functions = typeof(LlamaApi).GetMethods(BindingFlags.Static | BindingFlags.NonPublic)
            .Select(method => method.GetCustomAttribute<LibraryImportAttribute>())
            .Where(import => import?.LibraryName == LlamaApi.Llama)
            .Select(import => import!.EntryPoint!)
            .Append("llama_log_set");
        AlteredLlama.Write(
            _folder,
            System.IO.Path.Combine(ReferenceBuild.Npm.Folder, "libllama.v0.5.0.so"),
            functions.Except([AlteredLlama.Model, AlteredLlama.Context, leftOut ?? ""]),
            (sizeof(ModelParameters), sizeof(ContextParameters)),
            altered,
            offset);
    }

    public string Path => _folder.Path;

    /// <summary>Starts the engine on it, in a second copy of the engine's assembly, since a process holds libraries of one folder only.</summary>
    /// <returns>The exception's type and message; null if it starts.</returns>
    public (string Type, string Message)? Start()
    {
        AssemblyLoadContext second = new("a second engine");
        Assembly assembly = second.LoadFromAssemblyPath(typeof(LlamaEngine).Assembly.Location);
        try
        {
            assembly.GetType(typeof(LlamaEngine).FullName!)!.GetMethod(nameof(LlamaEngine.Start))!.Invoke(null, [Path]);
            return null;
        }
        catch (TargetInvocationException exception)
        {
            return (exception.InnerException!.GetType().Name, exception.InnerException.Message);
        }
    }

    public void Dispose() => _folder.Dispose();
}

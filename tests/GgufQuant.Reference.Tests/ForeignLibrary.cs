using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Text;
using GgufQuant.Reference.Evaluation;

namespace GgufQuant.Reference.Tests;

/// <summary>A folder of llama.cpp's libraries in which libllama is another: compiled here, it has the functions and passes on the real one's defaults, altered.</summary>
internal sealed unsafe class ForeignLibrary : IDisposable
{
    private const string Model = "llama_model_default_params";
    private const string Context = "llama_context_default_params";

    private readonly TemporaryFolder _folder = new();

    /// <summary>Compiles it; skips the test where there is no compiler.</summary>
    /// <param name="function">The function of defaults to alter.</param>
    /// <param name="offset">The byte of its structure to alter; -1 for none.</param>
    /// <param name="leftOut">A function that it lacks; null for none.</param>
    public ForeignLibrary(string function, int offset, string? leftOut = null)
    {
        LlamaEngineTests.StartReference();
        foreach (string file in Directory.EnumerateFiles(ReferenceBuild.Npm.Folder, "libggml*.so"))
            File.CreateSymbolicLink(_folder.File(System.IO.Path.GetFileName(file)), file);
        File.WriteAllText(_folder.File("llama.c"), Source(function, offset, leftOut));
        try
        {
            using Process compiler = Process.Start("clang", ["-shared", "-fPIC", "-w", "-o", _folder.File("libllama.v0.5.0.so"), _folder.File("llama.c"), "-ldl"]);
            compiler.WaitForExit();
            Assert.Equal(0, compiler.ExitCode);
        }
        catch (Win32Exception)
        {
            Assert.Skip("clang, which compiles the foreign library, is not installed.");
        }
    }

    public string Path => System.IO.Path.GetDirectoryName(_folder.File("any"))!;

    /// <summary>Starts the engine on it, in a second copy of the engine's assembly, since a process holds libraries of one folder only.</summary>
    /// <returns>The exception's type and message; null where it starts.</returns>
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

    private static string Source(string function, int offset, string? leftOut)
    {
        StringBuilder source = new("#include <dlfcn.h>\nvoid llama_log_set(void) {}\n");
        foreach (MethodInfo method in typeof(LlamaApi).GetMethods(BindingFlags.Static | BindingFlags.NonPublic))
        {
            if (method.GetCustomAttribute<LibraryImportAttribute>() is { EntryPoint: { } name, LibraryName: LlamaApi.Llama } && name != leftOut)
                source.Append(Define(name, name == function ? offset : -1)).Append('\n');
        }
        return source.ToString();
    }

    private static string Define(string name, int offset) => name is not (Model or Context)
        ? $"void {name}(void) {{}}"
        : $$"""
          typedef struct { unsigned char bytes[{{(name == Model ? sizeof(ModelParameters) : sizeof(ContextParameters))}}]; } {{name}}_t;
          {{name}}_t {{name}}(void)
          {
              void * real = dlopen("{{System.IO.Path.Combine(ReferenceBuild.Npm.Folder, "libllama.v0.5.0.so")}}", RTLD_LAZY);
              {{name}}_t parameters = (({{name}}_t (*)(void)) dlsym(real, "{{name}}"))();
              if ({{offset}} >= 0) parameters.bytes[{{offset}}] ^= 2;
              return parameters;
          }
          """;
}

using System.Reflection;
using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Reference.Evaluation;

/// <summary>llama.cpp's three libraries, loaded from one folder once per process.</summary>
internal static class LlamaLibrary
{
    private const string Version = "v0.5.0";

    private static readonly Lock s_lock = new();

    private static string? s_folder;
    private static bool s_checked;
    private static GgmlLibrary? s_ggmlBase;
    private static nint s_ggml;
    private static nint s_llama;

    /// <summary>ggml's functions, once the libraries are loaded.</summary>
    internal static GgmlLibrary Tensors => s_ggmlBase ?? throw new InvalidOperationException("llama.cpp is not loaded.");

    /// <summary>Loads and checks the libraries of a folder.</summary>
    internal static void Load(string folder)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        lock (s_lock)
        {
            if (s_folder == folder && s_checked)
                return;
            if (s_folder is not null && s_folder != folder)
            {
                throw new EngineMissingException(
                    $"llama.cpp is already loaded from '{s_folder}', so it cannot be loaded from '{folder}' too: start a new PowerShell for it.");
            }
            if (s_folder is null)
                LoadFrom(folder);
            CheckFunctions(folder);
            LlamaLog.Attach(s_llama);
            CheckParameters(folder);
            if (Tensors.FindLayoutMismatch() is string function)
                throw Mismatch(folder, function);
            if (LlamaApi.DeviceCount() == 0)
                LlamaApi.LoadBackends(folder);
            if (LlamaApi.DeviceCount() == 0)
                throw new EngineMissingException($"'{folder}' holds no llama.cpp backend for this processor.");
            LlamaApi.Initialize();
            s_checked = true;
        }
    }

    private static void LoadFrom(string folder)
    {
        if (!Directory.Exists(folder))
            throw Missing($"there is no folder '{folder}'");
        string[] paths = [FindFile(folder, "ggml-base"), FindFile(folder, "ggml"), FindFile(folder, "llama")];
        try
        {
            s_ggmlBase = new(NativeLibrary.Load(paths[0]));
            s_ggml = NativeLibrary.Load(paths[1]);
            s_llama = NativeLibrary.Load(paths[2]);
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            throw new EngineMissingException($"llama.cpp's libraries in '{folder}' cannot be loaded here: {exception.Message}", exception);
        }
        NativeLibrary.SetDllImportResolver(typeof(LlamaLibrary).Assembly, Resolve);
        s_folder = folder;
    }

    // The packages name the files libllama.v0.5.0.so, libllama.cuda.v0.5.0.so, llama.dll, ...: the name up to the first dot decides.
    private static string FindFile(string folder, string name)
    {
        string stem = OperatingSystem.IsWindows() ? name : "lib" + name;
        string extension = OperatingSystem.IsWindows() ? ".dll" : OperatingSystem.IsMacOS() ? ".dylib" : ".so";
        return Directory.EnumerateFiles(folder, stem + ".*")
            .Where(path => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
            .Order(StringComparer.Ordinal)
            .FirstOrDefault()
            ?? throw Missing($"'{folder}' holds no '{stem}{extension}'");
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) => HandleOf(name);

    private static nint HandleOf(string name) => name switch
    {
        LlamaApi.Ggml => s_ggml,
        LlamaApi.Llama => s_llama,
        _ => 0,
    };

    // Before the first call, so that a function another version lacks does not end an evaluation halfway.
    private static void CheckFunctions(string folder)
    {
        foreach (MethodInfo method in typeof(LlamaApi).GetMethods(BindingFlags.Static | BindingFlags.NonPublic))
        {
            if (method.GetCustomAttribute<LibraryImportAttribute>() is { EntryPoint: { } name } import
                && !NativeLibrary.TryGetExport(HandleOf(import.LibraryName), name, out _))
            {
                throw Mismatch(folder, name, "is not there");
            }
        }
    }

    private static void CheckParameters(string folder)
    {
        if (!LlamaApi.DefaultModelParameters().Value.AreDefaults)
            throw Mismatch(folder, "llama_model_default_params");
        if (!LlamaApi.DefaultContextParameters().Value.AreDefaults)
            throw Mismatch(folder, "llama_context_default_params");
    }

    private static EngineMissingException Missing(string what) =>
        new($"llama.cpp's libraries are missing: {what}. Run 'npm ci' in tests/GgufQuant.Reference.");

    private static EngineVersionException Mismatch(string folder, string what, string how = "does not behave as expected") =>
        new($"The libraries in '{folder}' are not llama.cpp {Version}: '{what}' {how}. They are not used, since every call would be garbage.");
}

using System.Reflection;
using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.LlamaCpp;

/// <summary>llama.cpp's three libraries, loaded from one folder once a process.</summary>
internal static unsafe class LlamaLibrary
{
    private const string Version = "v0.5.0";

    private static readonly Lock s_lock = new();

    private static string? s_folder;
    private static bool s_checked;
    private static nint s_base;
    private static nint s_ggml;
    private static nint s_llama;

    /// <summary>The operation numbers of <c>GGML_OP_MUL_MAT</c> and <c>GGML_OP_MUL_MAT_ID</c>.</summary>
    internal static (int Direct, int Indirect) MatrixProducts { get; private set; }

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
            LlamaLog.Attach();
            CheckParameters(folder);
            CheckTensorLayout(folder);
            MatrixProducts = (FindOperation("MUL_MAT", folder), FindOperation("MUL_MAT_ID", folder));
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
            s_base = NativeLibrary.Load(paths[0]);
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
        LlamaApi.Base => s_base,
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

    private static void CheckTensorLayout(string folder)
    {
        const int ObjectHeader = 32;
        if (LlamaApi.TensorOverhead() != (nuint)(ObjectHeader + sizeof(NativeTensor)))
            throw Mismatch(folder, "ggml_tensor_overhead");
        nint context = LlamaApi.CreateGgmlContext(new GgmlContextParameters { Size = 16 * LlamaApi.TensorOverhead(), NoAllocation = 1 });
        try
        {
            NativeTensor* weight = LlamaApi.NewTensor(context, 0, 3, 5);
            NativeTensor* input = LlamaApi.NewTensor(context, 0, 3, 7);
            NativeTensor* product = LlamaApi.MultiplyMatrices(context, weight, input);
            bool agrees = product->Source0 == weight && product->Source1 == input && product->Source2 is null
                && product->Shape[0] == 5 && product->Shape[1] == 7 && input->Stride[1] == 3 * sizeof(float)
                && LlamaApi.TensorName(product) == product->Name && product->Data is null;
            if (!agrees)
                throw Mismatch(folder, "ggml_tensor");
        }
        finally
        {
            LlamaApi.FreeGgmlContext(context);
        }
    }

    private static int FindOperation(string name, string folder)
    {
        for (int operation = 0; operation < 64; operation++)
        {
            if (Marshal.PtrToStringUTF8((nint)LlamaApi.OperationName(operation)) == name)
                return operation;
        }
        throw Mismatch(folder, "ggml_op_name");
    }

    private static EngineMissingException Missing(string what) =>
        new($"llama.cpp's libraries are missing: {what}. The module's build puts them there, for which it needs Node.js's npm.");

    private static EngineVersionException Mismatch(string folder, string what, string how = "does not read as expected") =>
        new($"The libraries in '{folder}' are not llama.cpp {Version}: '{what}' {how}. They are not used, since every call would be garbage.");
}

using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;
using GgufQuant.IO;
using LLama.Native;

namespace GgufQuant.LLamaSharp;

/// <summary>LLamaSharp's native libraries, loaded by full path once per process, and the functions that LLamaSharp does not wrap.</summary>
internal sealed unsafe class LLamaSharpLibrary
{
    private static readonly Lock s_lock = new();
    private static LLamaSharpLibrary? s_loaded;

    private readonly string _folder;
    private readonly delegate* unmanaged[Cdecl]<DefaultsProbe<ModelParameters>> _defaultModelParameters;
    private readonly delegate* unmanaged[Cdecl]<DefaultsProbe<LLamaContextParams>> _defaultContextParameters;
    private readonly delegate* unmanaged[Cdecl]<byte*, ModelParameters, nint> _loadModel;
    private readonly delegate* unmanaged[Cdecl]<nint, LLamaContextParams, nint> _createContext;
    private readonly delegate* unmanaged[Cdecl]<nint, void> _freeContext;
    private readonly delegate* unmanaged[Cdecl]<nint, void> _freeModel;
    private readonly delegate* unmanaged[Cdecl]<nint, ulong> _modelSize;
    private readonly delegate* unmanaged[Cdecl]<nint, nint> _vocabulary;
    private readonly delegate* unmanaged[Cdecl]<nint, int, byte*> _tokenText;
    private readonly delegate* unmanaged[Cdecl]<nint, int*, int, byte*, int, byte, byte, int> _detokenize;

    private LLamaSharpLibrary(string folder)
    {
        _folder = folder;
        NativeDependencies.Load(BackendOf(folder));
        nint ggml = LoadLibrary(folder, "ggml-base");
        try
        {
            Ggml = new(ggml);
            if (Ggml.Version != EngineVersion.Ggml)
                throw Mismatch($"ggml is version {Ggml.Version} instead of {EngineVersion.Ggml}");
            nint llama = LoadLibraries();
            _defaultModelParameters = (delegate* unmanaged[Cdecl]<DefaultsProbe<ModelParameters>>)NativeLibrary.GetExport(llama, "llama_model_default_params");
            _defaultContextParameters = (delegate* unmanaged[Cdecl]<DefaultsProbe<LLamaContextParams>>)NativeLibrary.GetExport(llama, "llama_context_default_params");
            _loadModel = (delegate* unmanaged[Cdecl]<byte*, ModelParameters, nint>)NativeLibrary.GetExport(llama, "llama_model_load_from_file");
            _createContext = (delegate* unmanaged[Cdecl]<nint, LLamaContextParams, nint>)NativeLibrary.GetExport(llama, "llama_init_from_model");
            _freeContext = (delegate* unmanaged[Cdecl]<nint, void>)NativeLibrary.GetExport(llama, "llama_free");
            _freeModel = (delegate* unmanaged[Cdecl]<nint, void>)NativeLibrary.GetExport(llama, "llama_model_free");
            _modelSize = (delegate* unmanaged[Cdecl]<nint, ulong>)NativeLibrary.GetExport(llama, "llama_model_size");
            _vocabulary = (delegate* unmanaged[Cdecl]<nint, nint>)NativeLibrary.GetExport(llama, "llama_model_get_vocab");
            _tokenText = (delegate* unmanaged[Cdecl]<nint, int, byte*>)NativeLibrary.GetExport(llama, "llama_vocab_get_text");
            _detokenize = (delegate* unmanaged[Cdecl]<nint, int*, int, byte*, int, byte, byte, int>)NativeLibrary.GetExport(llama, "llama_detokenize");
            CheckLayouts();
            LlamaLog.Attach(llama);
        }
        catch (EntryPointNotFoundException exception)
        {
            throw Mismatch(exception.Message);
        }
    }

    /// <summary>The loaded library.</summary>
    internal static LLamaSharpLibrary Loaded => s_loaded ?? throw new InvalidOperationException("LLamaSharp's libraries are not loaded.");

    /// <summary>ggml's functions.</summary>
    internal GgmlLibrary Ggml { get; }

    internal ModelParameters DefaultModelParameters => _defaultModelParameters().Value;

    /// <summary>Loads and checks the libraries in a folder. A second call for the same folder does nothing.</summary>
    /// <exception cref="EngineMissingException">They are missing or cannot be loaded here, or those of another folder are already loaded.</exception>
    /// <exception cref="EngineVersionException">They are the wrong version.</exception>
    internal static void Load(string folder)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        lock (s_lock)
        {
            if (s_loaded is null)
            {
                LLamaSharpLibrary library = new(folder);
                // LLamaSharp loads the same file by its full path, which yields the library already loaded.
                NativeLibraryConfig.LLama.WithLibrary(Path.Combine(folder, NativePlatform.LibraryFile("llama"))).WithAutoFallback(false);
                NativeApi.llama_empty_call();
                s_loaded = library;
            }
            else if (s_loaded._folder != folder)
            {
                throw new EngineMissingException(
                    $"This process runs llama.cpp from '{s_loaded._folder}', so it cannot also load it from '{folder}'.");
            }
        }
    }

    /// <summary>Loads a model; zero if llama.cpp cannot, and its log says why.</summary>
    internal nint LoadModel(string path, ModelParameters parameters)
    {
        // LLamaSharp passes the path in the Windows code page, but llama.cpp reads it as UTF-8, and opens it as it is.
        byte* utf8 = (byte*)Marshal.StringToCoTaskMemUTF8(OperatingSystem.IsWindows() ? WindowsPath.Extend(Path.GetFullPath(path)) : path);
        try
        {
            return _loadModel(utf8, parameters);
        }
        finally
        {
            Marshal.FreeCoTaskMem((nint)utf8);
        }
    }

    internal LLamaContextParams DefaultContextParameters => _defaultContextParameters().Value;

    /// <summary>Creates a context; zero if llama.cpp cannot, and its log says why.</summary>
    internal nint CreateContext(nint model, LLamaContextParams parameters) => _createContext(model, parameters);

    internal void FreeContext(nint context) => _freeContext(context);

    internal void FreeModel(nint model) => _freeModel(model);

    /// <summary>Bytes of all tensors.</summary>
    internal long SizeOf(nint model) => (long)_modelSize(model);

    internal nint VocabularyOf(nint model) => _vocabulary(model);

    /// <summary>A token as spelled in the file.</summary>
    internal ReadOnlySpan<byte> TokenText(nint vocabulary, int token) =>
        MemoryMarshal.CreateReadOnlySpanFromNullTerminated(_tokenText(vocabulary, token));

    /// <summary>Writes the text of tokens, special ones included; returns the bytes written, or minus the bytes needed.</summary>
    internal int Detokenize(nint vocabulary, ReadOnlySpan<int> tokens, Span<byte> text)
    {
        fixed (int* source = tokens)
        fixed (byte* destination = text)
            return _detokenize(vocabulary, source, tokens.Length, destination, text.Length, 0, 1);
    }

    private static nint LoadLibrary(string folder, string name)
    {
        string path = Path.Combine(folder, NativePlatform.LibraryFile(name));
        if (!File.Exists(path))
            throw new EngineMissingException($"The engine's library '{path}' does not exist.");
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            throw new EngineMissingException(LibraryLoadFailure.Describe(path, BackendOf(folder), exception), exception);
        }
    }

    // Dependencies first, so that each library is found in the chosen folder.
    private nint LoadLibraries()
    {
        // The GPU packages come without CPU libraries; those are next to this assembly.
        LoadLibrary(Exists(_folder, "ggml-cpu") ? _folder : CpuFolder, "ggml-cpu");
        foreach (string name in (string[])["ggml-blas", "ggml-metal", "ggml-cuda", "ggml-vulkan"])
        {
            if (Exists(_folder, name))
                LoadLibrary(_folder, name);
        }
        LoadLibrary(_folder, "ggml");
        return LoadLibrary(_folder, "llama");
    }

    private static string CpuFolder =>
        NativeFolders.Cpu(Path.Combine(Path.GetDirectoryName(typeof(LLamaSharpLibrary).Assembly.Location)!, "runtimes", NativePlatform.RuntimeIdentifier))
        ?? throw new EngineMissingException($"The engine's CPU libraries ({NativePlatform.RuntimeIdentifier}) are missing.");

    private static string BackendOf(string folder) => Exists(folder, "ggml-cuda") ? "Cuda12" : Exists(folder, "ggml-vulkan") ? "Vulkan" : EngineCatalog.Cpu;

    private static bool Exists(string folder, string name) => File.Exists(Path.Combine(folder, NativePlatform.LibraryFile(name)));

    private void CheckLayouts()
    {
        if (Ggml.FindLayoutMismatch() is string function)
            throw Mismatch($"'{function}' does not behave as expected");
        if (!DefaultModelParameters.AreDefaults)
            throw Mismatch("'llama_model_default_params' does not behave as expected");
        LLamaContextParams context = _defaultContextParameters().Value;
        bool areDefaults = context is
        {
            n_ctx: 512, n_batch: 2048, n_ubatch: 512, n_seq_max: 1, n_rs_seq: 0, n_outputs_max: 0,
            n_threads: > 0 and < 1024, n_threads_batch: > 0 and < 1024,
            rope_freq_base: 0, rope_freq_scale: 0, yarn_ext_factor: -1, yarn_attn_factor: -1, yarn_beta_fast: -1, yarn_beta_slow: -1,
            yarn_orig_ctx: 0, defrag_threshold: -1, cb_eval: 0, cb_eval_user_data: 0,
            type_k: GGMLType.GGML_TYPE_F16, type_v: GGMLType.GGML_TYPE_F16, abort_callback: 0, abort_callback_user_data: 0,
            embeddings: false, offload_kqv: true, no_perf: true, op_offload: true, swa_full: true, kv_unified: false,
            samplers: 0, n_samplers: 0, ctx_other: 0,
        };
        if (!areDefaults)
            throw Mismatch("'llama_context_default_params' does not behave as expected");
    }

    private EngineVersionException Mismatch(string what) =>
        new($"The libraries in '{_folder}' are not those of {EngineVersion.Text}: {what}.");
}

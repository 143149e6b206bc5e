using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Formats;
using LLama.Native;
using LlamaLogLevel = GgufQuant.Evaluation.Engines.LlamaLogLevel;

namespace GgufQuant.LLamaSharp;

/// <summary>llama.cpp as LLamaSharp packages it.</summary>
public sealed unsafe class LLamaSharpEngine : IInferenceEngine
{
    // LLAMA_LOAD_MODE_NONE.
    private const int ReadIntoMemory = 0;

    private LLamaSharpEngine()
    {
    }

    /// <inheritdoc/>
    public string Name => EngineVersion.Text;

    /// <summary>Loads LLamaSharp's libraries.</summary>
    /// <param name="nativesFolder">The folder with the libraries.</param>
    /// <param name="log">Receives llama.cpp's log, line by line, on any thread; null to drop it.</param>
    /// <exception cref="EngineMissingException">They are missing or cannot be loaded here.</exception>
    /// <exception cref="EngineVersionException">They are the wrong version.</exception>
    public static LLamaSharpEngine Start(string nativesFolder, Action<LlamaLogLevel, string>? log)
    {
        LlamaLog.Receiver = log;
        LLamaSharpLibrary.Load(nativesFolder);
        return new();
    }

    /// <inheritdoc/>
    public ILanguageModel Load(string path, ModelOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        if (!File.Exists(path))
            throw new FileNotFoundException($"The file '{path}' does not exist.", path);
        LoadState state = new(options.Progress, cancellationToken);
        GCHandle handle = GCHandle.Alloc(state);
        List<string> complaints = LlamaLog.Complaints = [];
        try
        {
            ModelParameters parameters = LLamaSharpLibrary.Loaded.DefaultModelParameters;
            parameters.GpuLayers = options.GpuLayers;
            parameters.VocabularyOnly = options.VocabularyOnly ? (byte)1 : (byte)0;
            if (options.IsWritable)
            {
                // A mapped file is read-only, and repacked weights would have to be overwritten in their layout.
                parameters.LoadMode = ReadIntoMemory;
                parameters.UseExtraBuffers = 0;
            }
            parameters.Progress = &OnProgress;
            parameters.ProgressState = GCHandle.ToIntPtr(handle);
            nint model = LLamaSharpLibrary.Loaded.LoadModel(path, parameters);
            if (model == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw LoadFailure.Of(path, Name, complaints);
            }
            SafeLlamaModelHandle safeHandle = new();
            Marshal.InitHandle(safeHandle, model);
            try
            {
                return new LLamaSharpModel(path, safeHandle, options.IsWritable);
            }
            catch
            {
                safeHandle.Dispose();
                throw;
            }
        }
        finally
        {
            LlamaLog.Complaints = null;
            handle.Free();
        }
    }

    /// <inheritdoc/>
    public MeasuredMemory MeasureMemory(MeasuredRun run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        cancellationToken.ThrowIfCancellationRequested();
        LLamaSharpLibrary library = LLamaSharpLibrary.Loaded;
        List<string> complaints = LlamaLog.Complaints = [];
        AllocationLog allocations = LlamaLog.Allocations = new();
        nint model = 0;
        nint context = 0;
        try
        {
            ModelParameters parameters = library.DefaultModelParameters;
            parameters.GpuLayers = 0;
            parameters.NoAllocation = 1;
            parameters.LoadMode = ReadIntoMemory;
            model = library.LoadModel(run.Path, parameters);
            if (model == 0)
                throw LoadFailure.Of(run.Path, Name, complaints);
            context = library.CreateContext(model, ContextParameters(library, run));
            if (context == 0)
                throw LoadFailure.OfContext(run.Path, Name, run.ContextLength, complaints);
            return allocations.IsEmpty ? throw new InferenceException($"{Name} does not log what memory it would take for '{run.Path}'.") : allocations.With(library.SizeOf(model));
        }
        finally
        {
            LlamaLog.Complaints = null;
            LlamaLog.Allocations = null;
            if (context != 0)
                library.FreeContext(context);
            if (model != 0)
                library.FreeModel(model);
        }
    }

    // As llama.cpp's programs set them.
    private static LLamaContextParams ContextParameters(LLamaSharpLibrary library, MeasuredRun run)
    {
        LLamaContextParams parameters = library.DefaultContextParameters;
        parameters.n_ctx = (uint)run.ContextLength;
        parameters.n_batch = Math.Max(parameters.n_batch, (uint)run.BatchSize);
        parameters.n_ubatch = (uint)run.BatchSize;
        parameters.n_seq_max = (uint)run.Parallel;
        parameters.llama_flash_attn_type = run.FlashAttention ? LLamaFlashAttentionType.LLAMA_FLASH_ATTENTION_TYPE_AUTO : LLamaFlashAttentionType.LLAMA_FLASH_ATTENTION_TYPE_DISABLED;
        parameters.type_k = (GGMLType)Enum.Parse<GgmlType>($"{run.KeyType}");
        parameters.type_v = (GGMLType)Enum.Parse<GgmlType>($"{run.ValueType}");
        parameters.swa_full = false;
        return parameters;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte OnProgress(float share, nint state)
    {
        LoadState load = (LoadState)GCHandle.FromIntPtr(state).Target!;
        try
        {
            load.Progress?.Report(share);
        }
        catch (Exception)
        {
            // An exception from a progress receiver must neither unwind through native frames nor stop the load.
        }
        return load.CancellationToken.IsCancellationRequested ? (byte)0 : (byte)1;
    }

    private sealed record LoadState(IProgress<double>? Progress, CancellationToken CancellationToken);
}

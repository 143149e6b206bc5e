using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using GgufQuant.Formats;
using GgufQuant.Reference.Evaluation;

namespace GgufQuant.Reference;

/// <summary>A model that the library has loaded without allocating anything, to report what it would allocate.</summary>
public sealed unsafe partial class ReferenceMemory : IDisposable
{
    private const double MiB = 1 << 20;

    private nint _model;

    private ReferenceMemory(nint model) => _model = model;

    /// <summary>Loads a model.</summary>
    /// <param name="path">The file.</param>
    /// <param name="error">Why the library does not load it; null if it does.</param>
    /// <param name="loadsDraft">Whether to load the layers that draft tokens. For v0.5.0 alone.</param>
    /// <returns>The model; null if the library does not load it.</returns>
    public static ReferenceMemory? TryLoad(string path, out string? error, bool loadsDraft = false)
    {
        ReferenceLibrary.StartBackends();
        (nint model, string _, string errors) = ReferenceLog.Capture(() => Load(path, loadsDraft));
        error = model == 0 ? errors : null;
        return model == 0 ? null : new(model);
    }

    /// <summary>What a context takes.</summary>
    /// <exception cref="InvalidOperationException">The library does not make one; the message is its own.</exception>
    public ReferenceAllocation Allocate(
        int contextLength, int batchSize = 512, int sequences = 1, bool flashAttention = true, GgmlType keys = GgmlType.F16, GgmlType values = GgmlType.F16)
    {
        (bool made, string log, string errors) = ReferenceLog.Capture(() => Create(contextLength, batchSize, sequences, flashAttention, keys, values));
        if (!made)
            throw new InvalidOperationException(errors.Length > 0 ? errors : log);
        return Read(log);
    }

    private static ReferenceAllocation Read(string log) => new(
        Sum(CacheLine(), log, "keys") + Sum(CacheLine(), log, "values"),
        Sum(StateLine(), log, "shift") + Sum(StateLine(), log, "recurrence") + Sum(CompressorLine(), log, "size"),
        Sum(ComputeLine(), log, "size"));

    /// <summary>What a context takes, and a second one of the same model that drafts tokens for it. For v0.5.0 alone.</summary>
    /// <param name="contextLength">The tokens of both.</param>
    /// <exception cref="InvalidOperationException">The library does not make a context; the message is its own.</exception>
    public (ReferenceAllocation First, ReferenceAllocation Draft) AllocateWithDraft(int contextLength)
    {
        const int DraftContext = 1;
        nint first = 0;
        nint draft = 0;
        try
        {
            (first, string firstLog, string firstErrors) = ReferenceLog.Capture(() => Create(0, 0));
            (draft, string draftLog, string draftErrors) = ReferenceLog.Capture(() => first == 0 ? 0 : Create(DraftContext, first));
            return draft == 0 ? throw new InvalidOperationException(firstErrors + draftErrors) : (Read(firstLog), Read(draftLog));
        }
        finally
        {
            foreach (nint context in (nint[])[draft, first])
            {
                if (context != 0)
                    ((delegate* unmanaged<nint, void>)ReferenceLibrary.Llama("llama_free"))(context);
            }
        }

        nint Create(int type, nint other)
        {
            ContextParametersProbe probe = ((delegate* unmanaged<ContextParametersProbe>)ReferenceLibrary.Llama("llama_context_default_params"))();
            probe.Value.ContextLength = (uint)contextLength;
            probe.Value.ContextType = type;
            probe.Value.OtherContext = other;
            probe.Value.FullSlidingWindow = 0;
            return ((delegate* unmanaged<nint, ContextParameters, nint>)ReferenceLibrary.Llama("llama_init_from_model"))(_model, probe.Value);
        }
    }

    /// <summary>Loads a model with some of its layers on a card. For v0.5.0 alone.</summary>
    /// <param name="path">The file.</param>
    /// <param name="gpuLayers">The layers on the card, the output counted as one: <c>-ngl</c>.</param>
    /// <param name="hostExperts">The layers whose experts are on the host: <c>--n-cpu-moe</c>.</param>
    /// <exception cref="InvalidOperationException">The library does not load it; the message is its own.</exception>
    public static ReferenceMemory LoadWithCard(string path, int gpuLayers, int hostExperts)
    {
        ReferenceLibrary.StartBackends();
        nint hostType = ((delegate* unmanaged<nint>)ReferenceLibrary.Base("ggml_backend_cpu_buffer_type"))();
        nint[] patterns = [.. Enumerable.Range(0, hostExperts).Select(layer => Marshal.StringToCoTaskMemUTF8($@"blk\.{layer}\.ffn_(up|down|gate|gate_up)_(ch|)exps"))];
        nint[] overrides = [.. patterns.SelectMany(pattern => new[] { pattern, hostType }), 0, 0];
        try
        {
            (nint model, string _, string errors) = ReferenceLog.Capture(() => Load(path, gpuLayers, overrides));
            return model == 0 ? throw new InvalidOperationException(errors) : new(model);
        }
        finally
        {
            foreach (nint pattern in patterns)
                Marshal.FreeCoTaskMem(pattern);
        }
    }

    /// <summary>What a context and the model take on the card and on the host. For v0.5.0 alone.</summary>
    /// <exception cref="InvalidOperationException">The library does not make the context; the message is its own.</exception>
    public (ReferencePart Card, ReferencePart Host) Place(int contextLength, int batchSize = 512, bool flashAttention = true)
    {
        ReferencePart card = new(0, 0, 0);
        ReferencePart host = card;
        (bool made, string log, string errors) = ReferenceLog.Capture(() => Create(contextLength, batchSize, 1, flashAttention, GgmlType.F16, GgmlType.F16, Read));
        return made ? (card, host) : throw new InvalidOperationException(errors.Length > 0 ? errors : log);

        // A std::map by buffer type, as libstdc++ lays it out: a tree whose nodes have a colour, a parent, two children and the entry.
        void Read(nint context)
        {
            nint* map = stackalloc nint[6];
            ((delegate* unmanaged<nint*, nint, nint*>)ReferenceLibrary.Llama("_Z26llama_get_memory_breakdownPK13llama_context"))(map, context);
            Visit((nint*)map[2]);
        }

        void Visit(nint* node)
        {
            if (node == null)
                return;
            ReferencePart part = new(node[5], node[6], node[7]);
            if (ReferenceCard.IsBufferType(node[4]))
                card += part;
            else
                host += part;
            Visit((nint*)node[2]);
            Visit((nint*)node[3]);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_model != 0)
            ((delegate* unmanaged<nint, void>)ReferenceLibrary.Llama("llama_model_free"))(_model);
        _model = 0;
    }

    private static nint Load(string path, int gpuLayers, nint[] overrides)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        fixed (nint* first = overrides)
        {
            ModelParametersProbe probe = ((delegate* unmanaged<ModelParametersProbe>)ReferenceLibrary.Llama("llama_model_default_params"))();
            probe.Value.NoAllocation = 1;
            probe.Value.LoadMode = 0;
            probe.Value.Devices = ReferenceCard.Devices;
            probe.Value.GpuLayers = gpuLayers;
            probe.Value.BufferTypeOverrides = (nint)first;
            return ((delegate* unmanaged<byte*, ModelParameters, nint>)ReferenceLibrary.Llama("llama_model_load_from_file"))(name, probe.Value);
        }
    }

    private static nint Load(string path, bool loadsDraft = false)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            nint load = ReferenceLibrary.Llama("llama_model_load_from_file");
            nint defaults = ReferenceLibrary.Llama("llama_model_default_params");
            if (ReferenceLibrary.Build == ReferenceBuild.Npm)
            {
                ModelParametersProbe probe = ((delegate* unmanaged<ModelParametersProbe>)defaults)();
                probe.Value.NoAllocation = 1;
                probe.Value.LoadMode = 0;
                if (loadsDraft)
                    probe.Value.LoadMtp = 1;
                return ((delegate* unmanaged<byte*, ModelParameters, nint>)load)(name, probe.Value);
            }
            PackagedModelParameters parameters = ((delegate* unmanaged<PackagedModelParameters>)defaults)();
            parameters.NoAllocation = 1;
            parameters.LoadMode = 0;
            return ((delegate* unmanaged<byte*, PackagedModelParameters, nint>)load)(name, parameters);
        }
    }

    private bool Create(int contextLength, int batchSize, int sequences, bool flashAttention, GgmlType keys, GgmlType values, Action<nint>? read = null)
    {
        nint create = ReferenceLibrary.Llama("llama_init_from_model");
        nint defaults = ReferenceLibrary.Llama("llama_context_default_params");
        nint context;
        if (ReferenceLibrary.Build == ReferenceBuild.Npm)
        {
            ContextParametersProbe probe = ((delegate* unmanaged<ContextParametersProbe>)defaults)();
            ref ContextParameters parameters = ref probe.Value;
            parameters.ContextLength = (uint)contextLength;
            parameters.BatchSize = (uint)Math.Max(batchSize, parameters.BatchSize);
            parameters.MicroBatchSize = (uint)batchSize;
            parameters.Sequences = (uint)sequences;
            parameters.FlashAttention = flashAttention ? -1 : 0;
            parameters.KeyType = (int)keys;
            parameters.ValueType = (int)values;
            parameters.FullSlidingWindow = 0;
            context = ((delegate* unmanaged<nint, ContextParameters, nint>)create)(_model, parameters);
        }
        else
        {
            PackagedContextParameters parameters = ((delegate* unmanaged<PackagedContextParameters>)defaults)();
            parameters.ContextLength = (uint)contextLength;
            parameters.BatchSize = (uint)Math.Max(batchSize, parameters.BatchSize);
            parameters.MicroBatchSize = (uint)batchSize;
            parameters.Sequences = (uint)sequences;
            parameters.FlashAttention = flashAttention ? -1 : 0;
            parameters.KeyType = (int)keys;
            parameters.ValueType = (int)values;
            parameters.FullSlidingWindow = 0;
            context = ((delegate* unmanaged<nint, PackagedContextParameters, nint>)create)(_model, parameters);
        }
        if (context == 0)
            return false;
        read?.Invoke(context);
        ((delegate* unmanaged<nint, void>)ReferenceLibrary.Llama("llama_free"))(context);
        return true;
    }

    private static double Sum(Regex line, string log, string group) =>
        line.Matches(log).Sum(match => double.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture)) * MiB;

    [GeneratedRegex(@"K \(\S+\): +(?<keys>[\d.]+) MiB, V \(\S+\): +(?<values>[\d.]+) MiB")]
    private static partial Regex CacheLine();

    [GeneratedRegex(@"R \(\S+\): +(?<shift>[\d.]+) MiB, S \(\S+\): +(?<recurrence>[\d.]+) MiB")]
    private static partial Regex StateLine();

    [GeneratedRegex(@"llama_dsv4_comp_state: \w+ ratio = .*\bsize = +(?<size>[\d.]+) MiB")]
    private static partial Regex CompressorLine();

    [GeneratedRegex(@"compute buffer size = +(?<size>[\d.]+) MiB")]
    private static partial Regex ComputeLine();

    // LLamaSharp's own declarations of these are not marshalled as they are in the library.
    [StructLayout(LayoutKind.Sequential)]
    private struct PackagedModelParameters
    {
        public nint Devices;
        public nint BufferTypeOverrides;
        public int GpuLayers;
        public int SplitMode;
        public int LoadMode;
        public int MainGpu;
        public nint TensorSplit;
        public nint Progress;
        public nint ProgressState;
        public nint KeyOverrides;
        public byte VocabularyOnly;
        public byte CheckTensors;
        public byte UseExtraBuffers;
        public byte NoHost;
        public byte NoAllocation;
        public byte LoadMtp;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PackagedContextParameters
    {
        public uint ContextLength;
        public uint BatchSize;
        public uint MicroBatchSize;
        public uint Sequences;
        public uint RecurrentSnapshots;
        public uint OutputsMax;
        public int Threads;
        public int ThreadsBatch;
        public int ContextType;
        public int RopeScaling;
        public int Pooling;
        public int Attention;
        public int FlashAttention;
        public float RopeFrequencyBase;
        public float RopeFrequencyScale;
        public float YarnExtensionFactor;
        public float YarnAttentionFactor;
        public float YarnBetaFast;
        public float YarnBetaSlow;
        public uint YarnOriginalContext;
        public float DefragmentationThreshold;
        public nint Evaluation;
        public nint EvaluationState;
        public int KeyType;
        public int ValueType;
        public nint Abort;
        public nint AbortState;
        public byte Embeddings;
        public byte OffloadCache;
        public byte NoPerformanceTimings;
        public byte OffloadOperations;
        public byte FullSlidingWindow;
        public byte UnifiedCache;
        public nint Samplers;
        public nuint SamplerCount;
        public nint OtherContext;
    }
}

/// <summary>What the library allocates for a context, in bytes, as exactly as it logs them: to 0.01 MiB each.</summary>
/// <param name="Cache">Keys and values.</param>
/// <param name="State">Recurrent states.</param>
/// <param name="Compute">Intermediate results.</param>
public sealed record ReferenceAllocation(double Cache, double State, double Compute);

/// <summary>What the library takes on one device, in bytes.</summary>
/// <param name="Weights">Tensors.</param>
/// <param name="Context">Cache and states.</param>
/// <param name="Compute">Intermediate results.</param>
public readonly record struct ReferencePart(long Weights, long Context, long Compute)
{
    /// <summary>The sum.</summary>
    public static ReferencePart operator +(ReferencePart left, ReferencePart right) =>
        new(left.Weights + right.Weights, left.Context + right.Context, left.Compute + right.Compute);
}

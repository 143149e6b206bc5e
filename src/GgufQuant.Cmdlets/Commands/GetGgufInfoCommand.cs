using System.Management.Automation;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Gguf;
using GgufQuant.Hub;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Describes a model file, from its header alone.</summary>
[Cmdlet(VerbsCommon.Get, "GgufInfo", DefaultParameterSetName = PathSet)]
[OutputType(typeof(GgufInfo))]
public sealed class GetGgufInfoCommand : PathCommand
{
    // Selects the view for what is divided between a graphics card and the host.
    private const string PlacedSuffix = "#Placed";

    private EngineSession? _session;

    /// <summary>Also reads all metadata.</summary>
    [Parameter(HelpMessage = "Also read all metadata, including the vocabulary.")]
    public SwitchParameter Metadata { get; set; }

    /// <summary>Tokens of context to estimate memory for.</summary>
    [Parameter(HelpMessage = "Tokens of context to estimate memory for.")]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    [ValidateRange(1, 1 << 30)]
    public int? ContextLength { get; set; }

    /// <summary>The type of the key-value cache to estimate memory for.</summary>
    [Parameter(HelpMessage = "The type of the key-value cache to estimate memory for.")]
    public CacheType CacheType { get; set; } = CacheType.F16;

    /// <summary>The type of the cached keys.</summary>
    [Parameter(HelpMessage = "The type of the cached keys, if it differs from the values'.")]
    public CacheType? KeyCacheType { get; set; }

    /// <summary>The type of the cached values.</summary>
    [Parameter(HelpMessage = "The type of the cached values, if it differs from the keys'.")]
    public CacheType? ValueCacheType { get; set; }

    /// <summary>Tokens evaluated at once.</summary>
    [Parameter(HelpMessage = "Tokens evaluated at once, the -ub of llama.cpp's programs; default: 512.")]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    [ValidateRange(1, 1 << 20)]
    public int BatchSize { get; set; } = MemoryOptions.Default.BatchSize;

    /// <summary>Sequences that share the context.</summary>
    [Parameter(HelpMessage = "Sequences that share the context, the -np of llama.cpp's programs; default: 1.")]
    [ValidateRange(1, 256)]
    public int Parallel { get; set; } = MemoryOptions.Default.Parallel;

    /// <summary>Estimates without flash attention.</summary>
    [Parameter(HelpMessage = "Estimate for llama.cpp without flash attention, which takes more memory.")]
    public SwitchParameter NoFlashAttention { get; set; }

    /// <summary>Bytes of a graphics card's memory.</summary>
    [Parameter(HelpMessage = "The graphics card's memory, 8GB: how many layers fit on it, and what remains on the host.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long? GpuMemory { get; set; }

    /// <summary>Keeps all experts on the host.</summary>
    [Parameter(HelpMessage = "Keep all experts on the host, as --cpu-moe of llama.cpp's programs does. Needs -GpuMemory.")]
    public SwitchParameter CpuMoe { get; set; }

    /// <summary>Also asks an engine's library.</summary>
    [Parameter(HelpMessage = "Also ask an engine's llama.cpp what memory it would take on the processor; nothing of it is allocated.")]
    public SwitchParameter Measure { get; set; }

    /// <summary>The engine to ask; null for the newest available.</summary>
    [Parameter(HelpMessage = "The engine that -Measure asks, by its name in Get-QuantEngine; default: the newest available.")]
    [ArgumentCompleter(typeof(EngineCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Engine { get; set; }

    /// <summary>Seconds of silence after which the engine is killed.</summary>
    [Parameter(HelpMessage = "Seconds without a sign of life after which the engine is killed; default: 60.")]
    [ValidateRange(1, 86400)]
    public int EngineTimeoutSeconds { get; set; } = (int)RemoteEngine.DefaultSilence.TotalSeconds;

    /// <summary>The name of the pre-tokenizer of a Hugging Face folder.</summary>
    [Parameter(HelpMessage = "The name of the pre-tokenizer of a Hugging Face folder, such as llama-bpe, if it is not recognized.")]
    [ArgumentCompleter(typeof(PreTokenizerCompleter))]
    [ValidateNotNullOrEmpty]
    public string? PreTokenizer { get; set; }

    private MemoryOptions MemoryOptions => new()
    {
        ContextLength = ContextLength,
        KeyType = KeyCacheType ?? CacheType,
        ValueType = ValueCacheType ?? CacheType,
        BatchSize = BatchSize,
        Parallel = Parallel,
        FlashAttention = !NoFlashAttention,
        GpuMemory = GpuMemory,
        CpuMoe = CpuMoe,
    };

    /// <summary>Describes any file that is named, but only models if a wildcard finds other files too.</summary>
    private protected override bool Takes(ModelKind kind) => kind == ModelKind.Model || !IsMatch;

    /// <inheritdoc/>
    private protected override bool ShowsFaultyFiles => true;

    /// <inheritdoc/>
    private protected override bool TakesFolders => true;

    /// <inheritdoc/>
    private protected override bool TakesAddresses => true;

    /// <inheritdoc/>
    private protected override string? PreTokenizerOfFolders => PreTokenizer;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        this.ThrowIfMissing(nameof(GpuMemory), nameof(CpuMoe));
        this.ThrowIfMissing(nameof(Measure), nameof(Engine), nameof(EngineTimeoutSeconds));
        if (!Measure)
            return;
        try
        {
            _session = new(this, Engine, EngineTimeoutSeconds);
        }
        catch (InferenceException exception)
        {
            ThrowTerminatingError(exception.ToErrorRecord(EngineFolder.Of(this)));
        }
        _session!.WaitUntilStarted();
    }

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        ModelInfo info = ModelInfo.Read(model, MemoryOptions);
        MeasuredMemory? measured = _session is null ? null : TryMeasure(model, info.MemoryEstimate);
        PSObject output = new(new GgufInfo(Metadata ? info with { Metadata = Read(model.Metadata) } : info, measured));
        if (info.MemoryEstimate.Placement is not null)
            output.TypeNames.Insert(0, typeof(GgufInfo).FullName + PlacedSuffix);
        WriteObject(output);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _session?.Dispose();
        base.Dispose(disposing);
    }

    private MeasuredMemory? TryMeasure(GgufFile model, MemoryEstimate estimate)
    {
        if (RemoteAddress.IsAddress(model.Path))
        {
            WriteError(PathErrors.NeedsDownload(model.Path, "an engine measures files on disk only"));
            return null;
        }
        try
        {
            if (Directory.Exists(model.Path))
                throw new InferenceException($"'{model.Path}' is a folder, and only a GGUF file can be measured: ConvertTo-Gguf makes one.");
            return RunInBackground(
                $"Measuring the memory of {Formatting.FileName(model.Path)}", (_, token) => _session!.Engine.MeasureMemory(MeasuredRun.Of(model.Path, estimate), token));
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(model.Path));
            return null;
        }
    }

    private static OrderedDictionary<string, object> Read(GgufMetadata metadata)
    {
        OrderedDictionary<string, object> values = [];
        foreach (GgufEntry entry in metadata)
            values.Add(entry.Key, entry.Value);
        return values;
    }
}

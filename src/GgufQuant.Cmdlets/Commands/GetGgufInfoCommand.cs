using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Describes a model file, from its header alone.</summary>
[Cmdlet(VerbsCommon.Get, "GgufInfo", DefaultParameterSetName = PathSet)]
[OutputType(typeof(GgufInfo))]
public sealed class GetGgufInfoCommand : PathCommand
{
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
    };

    /// <summary>Describes any file that is named, but only models if a wildcard finds other files too.</summary>
    private protected override bool Takes(ModelKind kind) => kind == ModelKind.Model || !IsMatch;

    /// <inheritdoc/>
    private protected override bool ShowsFaultyFiles => true;

    /// <inheritdoc/>
    private protected override bool TakesFolders => true;

    /// <inheritdoc/>
    private protected override string? PreTokenizerOfFolders => PreTokenizer;

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        ModelInfo info = ModelInfo.Read(model, MemoryOptions);
        WriteObject(new GgufInfo(Metadata ? info with { Metadata = Read(model.Metadata) } : info));
    }

    private static OrderedDictionary<string, object> Read(GgufMetadata metadata)
    {
        OrderedDictionary<string, object> values = [];
        foreach (GgufEntry entry in metadata)
            values.Add(entry.Key, entry.Value);
        return values;
    }
}

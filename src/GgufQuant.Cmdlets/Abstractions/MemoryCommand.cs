using System.Management.Automation;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>A cmdlet that estimates the memory to run models.</summary>
public abstract class MemoryCommand : PathCommand
{
    private protected MemoryCommand()
    {
    }

    /// <summary>Tokens of context to estimate memory for.</summary>
    [Parameter(HelpMessage = "Tokens of context to estimate memory for.")]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    [ValidateRange(1, 1 << 30)]
    public int? ContextLength { get; set; }

    /// <summary>The type of the key-value cache to estimate memory for.</summary>
    [Parameter(HelpMessage = "The type of the key-value cache to estimate memory for.")]
    public CacheType CacheType { get; set; } = CacheType.F16;

    /// <summary>The type of the cached keys.</summary>
    [Parameter(HelpMessage = "The type of the cached keys, where it is not that of the values.")]
    public CacheType? KeyCacheType { get; set; }

    /// <summary>The type of the cached values.</summary>
    [Parameter(HelpMessage = "The type of the cached values, where it is not that of the keys.")]
    public CacheType? ValueCacheType { get; set; }

    /// <summary>Tokens evaluated at once.</summary>
    [Parameter(HelpMessage = "Tokens evaluated at once, the -ub of llama.cpp's programs; default: 512.")]
    [ValidateRange(1, 1 << 20)]
    public int BatchSize { get; set; } = MemoryOptions.Default.BatchSize;

    /// <summary>Sequences that share the context.</summary>
    [Parameter(HelpMessage = "Sequences that share the context, the -np of llama.cpp's programs; default: 1.")]
    [ValidateRange(1, 256)]
    public int Parallel { get; set; } = MemoryOptions.Default.Parallel;

    /// <summary>Estimates without flash attention.</summary>
    [Parameter(HelpMessage = "Estimate for llama.cpp without flash attention, which takes more memory.")]
    public SwitchParameter NoFlashAttention { get; set; }

    /// <summary>How the models are run.</summary>
    private protected MemoryOptions MemoryOptions => new()
    {
        ContextLength = ContextLength,
        KeyType = KeyCacheType ?? CacheType,
        ValueType = ValueCacheType ?? CacheType,
        BatchSize = BatchSize,
        Parallel = Parallel,
        FlashAttention = !NoFlashAttention,
    };
}

using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Reference.Evaluation;

/// <summary><c>llama_context_params</c> of llama.cpp v0.5.0.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ContextParameters
{
    public uint ContextLength;
    public uint BatchSize;
    public uint MicroBatchSize;
    public uint Sequences;
    public uint RecurrentSnapshots;
    public uint OutputsMax;
    public uint OutputsMaxPerSequence;
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
    public delegate* unmanaged[Cdecl]<NativeTensor*, byte, nint, byte> Evaluation;
    public nint EvaluationState;
    public int KeyType;
    public int ValueType;
    public delegate* unmanaged[Cdecl]<nint, byte> Abort;
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

    /// <summary>Whether these are v0.5.0's defaults.</summary>
    public readonly bool AreDefaults =>
        ContextLength == 512 && BatchSize == 2048 && MicroBatchSize == 512 && Sequences == 1 && Threads is > 0 and < 1024
        && YarnExtensionFactor == -1 && YarnBetaFast == -1 && YarnBetaSlow == -1 && YarnOriginalContext == 0
        && Evaluation is null && EvaluationState == 0 && KeyType == 1 && ValueType == 1 && Abort is null && AbortState == 0
        && Embeddings == 0 && OffloadCache == 1 && Samplers == 0 && SamplerCount == 0 && OtherContext == 0;
}

/// <summary>The parameters with room behind them; see <see cref="ModelParametersProbe"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ContextParametersProbe
{
    public ContextParameters Value;
    private Guard _guard;
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GgufQuant.Reference.Evaluation;

/// <summary><c>llama_model_params</c> of llama.cpp v0.5.0.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ModelParameters
{
    public nint Devices;
    public nint BufferTypeOverrides;
    public int GpuLayers;
    public int SplitMode;
    public int LoadMode;
    public int LazyMode;
    public int MainGpu;
    public nint TensorSplit;
    public delegate* unmanaged[Cdecl]<float, nint, byte> Progress;
    public nint ProgressState;
    public nint KeyOverrides;
    public byte VocabularyOnly;
    public byte CheckTensors;
    public byte UseExtraBuffers;
    public byte NoHost;
    public byte NoAllocation;
    public byte LoadMtp;

    /// <summary>Whether these are v0.5.0's defaults.</summary>
    public readonly bool AreDefaults =>
        Devices == 0 && BufferTypeOverrides == 0 && GpuLayers == -1 && SplitMode == 1 && LoadMode is >= -1 and <= 4 && LazyMode is >= -1 and <= 2
        && MainGpu == 0 && TensorSplit == 0 && Progress is null && ProgressState == 0 && KeyOverrides == 0
        && VocabularyOnly == 0 && CheckTensors == 0 && UseExtraBuffers == 1 && NoHost == 0 && NoAllocation == 0 && LoadMtp <= 1;
}

/// <summary>The parameters with spare room: a library with a larger structure must not write past the buffer before it is rejected.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ModelParametersProbe
{
    public ModelParameters Value;
    private Guard _guard;
}

[InlineArray(64)]
internal struct Guard
{
    private long _first;
}

using System.Runtime.InteropServices;

namespace GgufQuant.LLamaSharp;

/// <summary>
/// <c>llama_model_params</c> of llama.cpp 815a2a591. LLamaSharp's own declaration contains a delegate, so it cannot be
/// checked against the library before a call writes past it.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ModelParameters
{
    public nint Devices;
    public nint BufferTypeOverrides;
    public int GpuLayers;
    public int SplitMode;
    public int LoadMode;
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

    /// <summary>Whether these are the library's defaults.</summary>
    public readonly bool AreDefaults =>
        Devices == 0 && BufferTypeOverrides == 0 && GpuLayers == -1 && SplitMode == 1 && LoadMode == 1 && MainGpu == 0
        && TensorSplit == 0 && Progress is null && ProgressState == 0 && KeyOverrides == 0
        && VocabularyOnly == 0 && CheckTensors == 0 && UseExtraBuffers == 1 && NoHost == 0 && NoAllocation == 0 && LoadMtp == 0;
}

namespace GgufQuant.Gpu;

/// <summary>By what a device is reached.</summary>
public enum ComputeApi
{
    /// <summary>The processor itself.</summary>
    Cpu,

    /// <summary>CUDA's driver.</summary>
    Cuda,

    /// <summary>An OpenCL driver.</summary>
    OpenCL,
}

/// <summary>What could quantize here, and why it does not where it does not.</summary>
/// <param name="Id">How to choose it: <c>Cpu</c>, <c>Cuda:0</c>, <c>OpenCL:1</c>.</param>
/// <param name="Api">By what it is reached.</param>
/// <param name="Name">The device's name, or the interface's where there is no device.</param>
/// <param name="Memory">Its memory in bytes; 0 where there is no device.</param>
/// <param name="IsGpu">Whether it is a graphics card.</param>
/// <param name="UnavailableReason">Why it is not used, a sentence; null where it can be.</param>
public sealed record ComputeDevice(string Id, ComputeApi Api, string Name, long Memory, bool IsGpu, string? UnavailableReason)
{
    /// <summary>Whether it can be used: its arithmetic is exact, and a graphics card's trial made the processor's bytes.</summary>
    public bool IsUsable => UnavailableReason is null;
}

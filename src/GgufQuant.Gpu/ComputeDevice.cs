namespace GgufQuant.Gpu;

/// <summary>The interface a device is reached through.</summary>
public enum ComputeApi
{
    /// <summary>The processor itself.</summary>
    Cpu,

    /// <summary>The CUDA driver.</summary>
    Cuda,

    /// <summary>An OpenCL driver.</summary>
    OpenCL,
}

/// <summary>A device that could quantize here, and if it cannot, why.</summary>
/// <param name="Id">Its selector: <c>Cpu</c>, <c>Cuda:0</c>, <c>OpenCL:1</c>.</param>
/// <param name="Api">The interface it is reached through.</param>
/// <param name="Name">The device's name, or the interface's if there is no device.</param>
/// <param name="Memory">Its memory in bytes; 0 if there is no device.</param>
/// <param name="IsGpu">Whether it is a graphics card.</param>
/// <param name="UnavailableReason">Why it cannot be used, in a sentence; null if it can.</param>
public sealed record ComputeDevice(string Id, ComputeApi Api, string Name, long Memory, bool IsGpu, string? UnavailableReason)
{
    /// <summary>Whether it can be used: its arithmetic is exact, and a graphics card's trial produced the processor's bytes.</summary>
    public bool IsUsable => UnavailableReason is null;
}

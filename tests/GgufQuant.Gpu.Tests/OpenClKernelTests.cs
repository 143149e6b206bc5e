namespace GgufQuant.Gpu.Tests;

/// <summary>The kernels' source on a real OpenCL device.</summary>
[Collection(OpenClTestDevice.Collection)]
public sealed class OpenClKernelTests(OpenClKernelTests.Device device) : KernelTests(device), IClassFixture<OpenClKernelTests.Device>
{
    public sealed class Device() : Kernels(OpenClTestDevice.Missing, () => OpenClTestDevice.Open(KernelSource.OpenCl));
}
